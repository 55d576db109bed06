// Persimmon: biased LayerNorms, also on queries and keys, projection merged per head, squared ReLU.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace persimmon {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "persimmon", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes(
      {.vocab = 262144, .hidden = 4096, .inner = 16384, .layers = 36, .heads = 64, .window = 16384},
      {.kv_heads = ""});
  in.norm(NormKind::kLayer, "layer_norm_eps", 1e-5);
  in.activation("hidden_act", "relu2");
  in.ties(false);
  for (const char* key : {"hidden_dropout", "attention_dropout"}) in.dropout(key);
  spec.gated_mlp = false;
  spec.qkv_bias = spec.output_bias = spec.mlp_up_bias = spec.mlp_down_bias = true;
  if (in.flag("qk_layernorm", true)) spec.qk_norm = QkNorm::kHead;
  spec.qk_norm_spec = spec.norm;
  in.tokens(1, 2);
  in.rope({.partial_rotary_allowed = true, .default_partial_rotary_factor = 0.5});
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .rename("attention.qkv", {in_layer("self_attn.query_key_value")}, WeightLayout::kQkvPerHead)
      .rename("attention.output", {in_layer("self_attn.dense")})
      .rename("attention.q_norm", {in_layer("self_attn.q_layernorm")})
      .rename("attention.k_norm", {in_layer("self_attn.k_layernorm")})
      .rename("mlp.up", {in_layer("mlp.dense_h_to_4h")})
      .rename("mlp.down", {in_layer("mlp.dense_4h_to_h")})
      .rename("norm", {"model.final_layernorm"})
      .take();
}

}  // namespace persimmon

Family persimmon_family() {
  return {"persimmon", "PersimmonForCausalLM", persimmon::from_hf, persimmon::weights};
}

}  // namespace ropewalk
