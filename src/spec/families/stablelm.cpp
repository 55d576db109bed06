// StableLM 3B and 2: LLaMA with biased LayerNorms and partial rotary; some with a LayerNorm for
// each head, some with attention and MLP side by side.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace stablelm {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "stablelm", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 50304,
            .hidden = 2560,
            .inner = 6912,
            .layers = 32,
            .heads = 32,
            .kv_heads = 32,
            .window = 4096});
  in.norm(NormKind::kLayer, "layer_norm_eps", 1e-5);
  in.activation("hidden_act", "silu");
  in.ties(false);
  for (const char* key : {"hidden_dropout", "attention_dropout"}) in.dropout(key);
  in.ignore({"rotary_scaling_factor", "norm_eps"});  // of the authors' first code
  spec.qkv_bias = in.flag("use_qkv_bias", false);
  if (in.flag("use_parallel_residual", false)) spec.residual = ResidualKind::kParallelShared;
  if (in.flag("qk_layernorm", false)) spec.qk_norm = QkNorm::kEachHead;
  spec.qk_norm_spec = spec.norm;
  spec.qk_norm_spec.bias = false;
  in.tokens(0, 0);
  in.rope({.partial_rotary_allowed = true, .default_partial_rotary_factor = 0.25});
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .rename("attention.q_norm", {in_layer("self_attn.q_layernorm.norms.{e}")})
      .rename("attention.k_norm", {in_layer("self_attn.k_layernorm.norms.{e}")})
      .take();
}

}  // namespace stablelm

Family stablelm_family() {
  return {"stablelm", "StableLmForCausalLM", stablelm::from_hf, stablelm::weights};
}

}  // namespace ropewalk
