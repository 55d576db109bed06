// Mistral: LLaMA without biases and with one sliding window for all layers.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace mistral {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "mistral", diagnostics);
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
  in.window_everywhere(in.size_or_null("sliding_window", 4096));
  in.ignore({"layer_types"});  // transformers' Mistral does not read it
  in.tokens(1, 2);
  in.rope();
  return in.finish();
}

}  // namespace mistral

Family mistral_family() {
  return {"mistral", "MistralForCausalLM", mistral::from_hf, common_weights};
}

}  // namespace ropewalk
