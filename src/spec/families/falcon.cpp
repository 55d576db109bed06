// Falcon: multi-query (7B) or grouped keys (40B, 180B, 11B), one or two LayerNorms side by side or
// in sequence, merged projection. Its ALiBi variant has no rotary positions.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace falcon {

void read_residual(FamilyReader& in, bool grouped) {
  DecoderSpec& spec = in.spec();
  const bool parallel = in.flag("parallel_attn", true);
  const int64_t norms = in.size("num_ln_in_parallel_attn", grouped ? 2 : 1);
  if (!parallel && grouped) {
    in.fault("parallel_attn",
             "is false together with new_decoder_architecture; transformers has no such model");
  }
  if (!parallel) {
    spec.residual = ResidualKind::kSerial;
  } else {
    spec.residual = grouped && norms == 2 ? ResidualKind::kParallel : ResidualKind::kParallelShared;
  }
}

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "falcon", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 65024, .hidden = 4544, .inner = 0, .layers = 32, .heads = 71},
           {.inner = "", .kv_heads = ""});
  spec.intermediate_size = in.size("ffn_hidden_size", 4 * spec.hidden_size);
  in.norm(NormKind::kLayer, "layer_norm_epsilon", 1e-5);
  in.activation("activation", "gelu");
  in.ties(true);
  for (const char* key : {"hidden_dropout", "attention_dropout"}) in.dropout(key);
  if (in.flag("alibi", false)) {
    in.fault("alibi",
             "is true: this Falcon uses ALiBi instead of rotary positions; there is nothing to "
             "interpolate");
  }
  in.ignore({"apply_residual_connection_post_layernorm"});
  const bool grouped = in.flag("new_decoder_architecture", false);
  const bool multi_query = in.flag("multi_query", true);
  const int64_t kv_heads = in.size("num_kv_heads", spec.num_heads);
  spec.num_kv_heads = grouped || !multi_query ? kv_heads : 1;
  read_residual(in, grouped);
  spec.gated_mlp = false;
  spec.qkv_bias = spec.output_bias = spec.mlp_up_bias = spec.mlp_down_bias = in.flag("bias", false);
  in.tokens(11, 11);
  in.rope();
  return in.finish();
}

FamilyWeights weights(const DecoderSpec& spec) {
  const std::string layer = "transformer.h.{}.";
  const bool two_norms = spec.residual == ResidualKind::kParallel;
  WeightLayout layout = WeightLayout::kQkvPerGroup;
  if (spec.num_kv_heads == 1) layout = WeightLayout::kPlain;
  return WeightTable()
      .rename("embed_tokens", {"transformer.word_embeddings"})
      .rename("attention_norm", {layer + (two_norms ? "ln_attn" : "input_layernorm")})
      .rename("attention.qkv", {layer + "self_attention.query_key_value"}, layout)
      .rename("attention.output", {layer + "self_attention.dense"})
      .rename("mlp_norm", {layer + (two_norms ? "ln_mlp" : "post_attention_layernorm")})
      .rename("mlp.up", {layer + "mlp.dense_h_to_4h"})
      .rename("mlp.down", {layer + "mlp.dense_4h_to_h"})
      .rename("norm", {"transformer.ln_f"})
      .take();
}

}  // namespace falcon

Family falcon_family() { return {"falcon", "FalconForCausalLM", falcon::from_hf, falcon::weights}; }

}  // namespace ropewalk
