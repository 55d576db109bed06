// Mixtral: Mistral with experts in the place of the MLP; the chosen ones' weights sum to 1.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace mixtral {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "mixtral", diagnostics);
  in.sizes({.vocab = 32000,
            .hidden = 4096,
            .inner = 14336,
            .layers = 32,
            .heads = 32,
            .kv_heads = 8,
            .window = 131072});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-5);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  in.experts({.default_count = 8, .default_per_token = 2, .default_inner = 14336}).renormalize =
      true;
  in.dropout("router_jitter_noise");
  in.window_everywhere(in.size_or_null("sliding_window", std::nullopt));
  in.tokens(1, 2);
  in.rope({.default_theta = 1e6});
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) { return WeightTable().mixtral_experts().take(); }

}  // namespace mixtral

Family mixtral_family() {
  return {"mixtral", "MixtralForCausalLM", mixtral::from_hf, mixtral::weights};
}

}  // namespace ropewalk
