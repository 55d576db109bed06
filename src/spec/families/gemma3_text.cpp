// Gemma 3 (text): Gemma 2 without soft-capped scores, with normed queries and keys, and with
// positions of their own for the sliding layers.
#include <cmath>

#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace gemma3_text {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "gemma3_text", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 262208,
            .hidden = 2304,
            .inner = 9216,
            .layers = 26,
            .heads = 8,
            .kv_heads = 4,
            .head_dim = 256,
            .window = 131072});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_activation", "gelu_pytorch_tanh");
  in.ignore(
      {"hidden_act", "cache_implementation", "_sliding_window_pattern", "attn_logit_softcapping"});
  in.dropout("attention_dropout");
  in.ties(true);
  spec.norm.weight_offset = 1.0;
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.embedding_scale = std::sqrt(static_cast<double>(spec.hidden_size));
  in.expect("use_bidirectional_attention", {false});
  spec.post_norms = true;
  spec.qk_norm = QkNorm::kHead;
  spec.qk_norm_spec = spec.norm;
  spec.attention_scale = 1.0 / std::sqrt(in.positive("query_pre_attn_scalar", 256.0));
  spec.logit_softcap = in.number_or_null("final_logit_softcapping", std::nullopt).value_or(0.0);
  const int64_t pattern = in.size("sliding_window_pattern", 6);
  const std::vector<bool> slides =
      in.windows(in.size_or_null("sliding_window", 4096),
                 [&](int64_t layer) { return (layer + 1) % pattern != 0; });
  for (size_t i = 0; i < slides.size(); ++i) {
    if (slides[i]) spec.layers[i].rope = LayerRope::kLocal;
  }
  in.tokens(2, 1);
  in.rope({.default_theta = 1e6, .layer_type = "full_attention"});
  in.local_rope({.default_theta = 1e4,
                 .layer_type = "sliding_attention",
                 .theta_key = "rope_local_base_freq"});
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .post_norms()
      .rename("mlp_norm", {in_layer("pre_feedforward_layernorm")})
      .take();
}

}  // namespace gemma3_text

Family gemma3_text_family() {
  return {"gemma3_text", "Gemma3ForCausalLM", gemma3_text::from_hf, gemma3_text::weights};
}

}  // namespace ropewalk
