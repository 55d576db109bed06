// OLMo 3: OLMo 2 with three sliding layers to one that sees everything, each kind with positions of
// its own.
#include "spec/families/families.h"
#include "spec/families/olmo2.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace olmo3 {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "olmo3", diagnostics);
  read_olmo2(in);
  DecoderSpec& spec = in.spec();
  const std::vector<bool> slides = in.windows(in.size_or_null("sliding_window", 4096),
                                              [](int64_t layer) { return (layer + 1) % 4 != 0; });
  for (size_t i = 0; i < slides.size(); ++i) {
    if (slides[i]) spec.layers[i].rope = LayerRope::kLocal;
  }
  in.rope({.default_theta = 5e5, .layer_type = "full_attention"});
  in.local_rope({.default_theta = 5e5, .layer_type = "sliding_attention", .theta_key = ""});
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) { return WeightTable().post_norms().take(); }

}  // namespace olmo3

Family olmo3_family() { return {"olmo3", "Olmo3ForCausalLM", olmo3::from_hf, olmo3::weights}; }

}  // namespace ropewalk
