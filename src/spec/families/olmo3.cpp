// OLMo 3: OLMo 2 with three sliding layers to one that sees everything, each kind with positions of
// its own.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "olmo3", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 50304, .hidden = 4096, .inner = 11008, .layers = 32, .heads = 32});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-5);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.pre_norms = false;
  spec.post_norms = true;
  spec.qk_norm = QkNorm::kWhole;
  spec.qk_norm_spec = spec.norm;
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  in.tokens(std::nullopt, 50279);
  const std::vector<bool> slides = in.windows(in.size_or_null("sliding_window", 4096),
                                              [](int64_t layer) { return (layer + 1) % 4 != 0; });
  for (size_t i = 0; i < slides.size(); ++i) {
    if (slides[i]) spec.layers[i].rope = LayerRope::kLocal;
  }
  in.rope({.default_theta = 5e5, .layer_type = "full_attention"});
  in.local_rope({.default_theta = 5e5, .layer_type = "sliding_attention", .theta_key = ""});
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .rename("attention_post_norm", {in_layer("post_attention_layernorm")})
      .rename("mlp_post_norm", {in_layer("post_feedforward_layernorm")})
      .take();
}

}  // namespace

Family olmo3_family() { return {"olmo3", "Olmo3ForCausalLM", from_hf, weights}; }

}  // namespace ropewalk
