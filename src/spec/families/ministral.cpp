// Ministral: Mistral whose layers slide or see everything, as layer_types says.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace ministral {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "ministral", diagnostics);
  in.sizes({.vocab = 32000,
            .hidden = 4096,
            .inner = 14336,
            .layers = 32,
            .heads = 32,
            .kv_heads = 8,
            .window = 131072});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  const auto window = in.size_or_null("sliding_window", 4096);
  in.windows(window, [&](int64_t) { return window.has_value(); });
  in.tokens(1, 2);
  in.rope();
  return in.finish();
}

}  // namespace ministral

Family ministral_family() {
  return {"ministral", "MinistralForCausalLM", ministral::from_hf, common_weights};
}

}  // namespace ropewalk
