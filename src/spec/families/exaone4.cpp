// EXAONE 4: norms on what attention and MLP give, normed queries and keys; in the hybrid models
// only the sliding layers have rotary positions.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace exaone4 {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "exaone4", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 102400, .hidden = 4096, .inner = 16384, .layers = 32, .heads = 32});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-5);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.pre_norms = false;
  spec.post_norms = true;
  spec.qk_norm = QkNorm::kHead;
  spec.qk_norm_spec = spec.norm;
  const auto window = in.size_or_null("sliding_window", 4096);
  in.ignore({"sliding_window_pattern"});
  // A number, or letters such as "LLLG" in files that list the layers' types as well.
  const bool counted = config.value("sliding_window_pattern", Json(4)).is_number_integer();
  const int64_t pattern = window && counted ? in.size("sliding_window_pattern", 4) : 4;
  const std::vector<bool> slides =
      in.windows(window, [&](int64_t layer) { return window && (layer + 1) % pattern != 0; });
  for (size_t i = 0; i < slides.size(); ++i) {
    if (window && !slides[i]) spec.layers[i].rope = LayerRope::kNone;
  }
  in.tokens(0, 2);
  in.rope();
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) { return WeightTable().post_norms().take(); }

}  // namespace exaone4

Family exaone4_family() {
  return {"exaone4", "Exaone4ForCausalLM", exaone4::from_hf, exaone4::weights};
}

}  // namespace ropewalk
