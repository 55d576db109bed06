// Command R: one LayerNorm without bias for attention and MLP side by side, interleaved rotary,
// scaled logits; some with a LayerNorm for each head.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace cohere {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "cohere", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes(
      {.vocab = 256000, .hidden = 8192, .inner = 22528, .layers = 40, .heads = 64, .window = 8192});
  in.norm(NormKind::kLayer, "layer_norm_eps", 1e-5);
  spec.norm.bias = false;
  in.activation("hidden_act", "silu");
  in.ties(true);
  in.dropout("attention_dropout");
  spec.residual = ResidualKind::kParallelShared;
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.logit_scale = in.number("logit_scale", 0.0625);
  if (in.flag("use_qk_norm", false)) spec.qk_norm = QkNorm::kEachHead;
  spec.qk_norm_spec = spec.norm;
  in.tokens(5, 255001);
  in.rope({.default_theta = 5e5, .layout = RopeLayout::kInterleaved});
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .rename("attention.q_norm", {in_layer("self_attn.q_norm")}, WeightLayout::kStacked)
      .rename("attention.k_norm", {in_layer("self_attn.k_norm")}, WeightLayout::kStacked)
      .take();
}

}  // namespace cohere

Family cohere_family() { return {"cohere", "CohereForCausalLM", cohere::from_hf, cohere::weights}; }

}  // namespace ropewalk
