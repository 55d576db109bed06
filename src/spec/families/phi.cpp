// Phi 1, 1.5 and 2: one biased LayerNorm for attention and a plain MLP side by side, partial
// rotary, biases everywhere, also on the logits.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace phi {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "phi", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 51200, .hidden = 2048, .inner = 8192, .layers = 24, .heads = 32});
  in.norm(NormKind::kLayer, "layer_norm_eps", 1e-5);
  in.activation("hidden_act", "gelu_new");
  in.ties(false);
  for (const char* key : {"resid_pdrop", "embd_pdrop", "attention_dropout"}) in.dropout(key);
  spec.residual = ResidualKind::kParallelShared;
  spec.gated_mlp = false;
  spec.qkv_bias = spec.output_bias = spec.mlp_up_bias = spec.mlp_down_bias = spec.logit_bias = true;
  if (in.flag("qk_layernorm", false)) spec.qk_norm = QkNorm::kHead;
  spec.qk_norm_spec = spec.norm;
  in.tokens(1, 2);
  in.rope({.partial_rotary_allowed = true, .default_partial_rotary_factor = 0.5});
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .rename("attention.output", {in_layer("self_attn.dense")})
      .rename("attention.q_norm", {in_layer("self_attn.q_layernorm")})
      .rename("attention.k_norm", {in_layer("self_attn.k_layernorm")})
      .rename("mlp.up", {in_layer("mlp.fc1")})
      .rename("mlp.down", {in_layer("mlp.fc2")})
      .rename("norm", {"model.final_layernorm"})
      .take();
}

}  // namespace phi

Family phi_family() { return {"phi", "PhiForCausalLM", phi::from_hf, phi::weights}; }

}  // namespace ropewalk
