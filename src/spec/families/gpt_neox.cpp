// GPT-NeoX and Pythia: two LayerNorms side by side (or one after the other), partial rotary,
// biases, and a projection merged per head.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace gpt_neox {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "gpt_neox", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 50432, .hidden = 6144, .inner = 24576, .layers = 44, .heads = 64},
           {.kv_heads = ""});
  in.norm(NormKind::kLayer, "layer_norm_eps", 1e-5);
  in.activation("hidden_act", "gelu");
  in.ties(false);
  for (const char* key : {"hidden_dropout", "attention_dropout"}) in.dropout(key);
  in.ignore({"bos_token", "eos_token"});
  spec.residual =
      in.flag("use_parallel_residual", true) ? ResidualKind::kParallel : ResidualKind::kSerial;
  spec.gated_mlp = false;
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", true);
  spec.mlp_up_bias = spec.mlp_down_bias = true;
  in.tokens(0, 2);
  in.rope({.partial_rotary_allowed = true,
           .default_partial_rotary_factor = 0.25,
           .theta_key = "rotary_emb_base",
           .partial_key = "rotary_pct"});
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  const std::string layer = "gpt_neox.layers.{}.";
  FamilyWeights weights =
      WeightTable()
          .rename("embed_tokens", {"gpt_neox.embed_in"})
          .rename("attention_norm", {layer + "input_layernorm"})
          .rename("attention.qkv", {layer + "attention.query_key_value"}, WeightLayout::kQkvPerHead)
          .rename("attention.output", {layer + "attention.dense"})
          .rename("mlp_norm", {layer + "post_attention_layernorm"})
          .rename("mlp.up", {layer + "mlp.dense_h_to_4h"})
          .rename("mlp.down", {layer + "mlp.dense_4h_to_h"})
          .rename("norm", {"gpt_neox.final_layer_norm"})
          .rename("lm_head", {"embed_out"})
          .ignore({layer + "attention.bias",
                   layer + "attention.masked_bias",
                   layer + "attention.rotary_emb.inv_freq"})
          .take();
  weights.ignored_when_tied = {"embed_out.weight"};
  return weights;
}

}  // namespace gpt_neox

Family gpt_neox_family() {
  return {"gpt_neox", "GPTNeoXForCausalLM", gpt_neox::from_hf, gpt_neox::weights};
}

}  // namespace ropewalk
