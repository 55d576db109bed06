// StarCoder2: biased LayerNorms, a plain MLP with tanh-GELU, biases everywhere, sliding window.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace starcoder2 {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "starcoder2", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 49152,
            .hidden = 3072,
            .inner = 12288,
            .layers = 30,
            .heads = 24,
            .kv_heads = 2,
            .window = 4096});
  in.norm(NormKind::kLayer, "norm_epsilon", 1e-5);
  in.activation("hidden_act", "gelu_pytorch_tanh");
  in.ties(true);
  for (const char* key : {"attention_dropout", "residual_dropout", "embedding_dropout"})
    in.dropout(key);
  in.ignore({"layer_norm_epsilon",
             "activation_function",
             "attention_softmax_in_fp32",
             "scale_attention_softmax_in_fp32",
             "scale_attn_weights",
             "mlp_type",
             "norm_type"});
  spec.gated_mlp = false;
  spec.qkv_bias = spec.output_bias = spec.mlp_up_bias = spec.mlp_down_bias =
      in.flag("use_bias", true);
  in.window_everywhere(in.size_or_null("sliding_window", std::nullopt));
  in.tokens(50256, 50256);
  in.rope();
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .rename("mlp.up", {in_layer("mlp.c_fc")})
      .rename("mlp.down", {in_layer("mlp.c_proj")})
      .take();
}

}  // namespace starcoder2

Family starcoder2_family() {
  return {"starcoder2", "Starcoder2ForCausalLM", starcoder2::from_hf, starcoder2::weights};
}

}  // namespace ropewalk
