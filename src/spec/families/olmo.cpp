// OLMo: LLaMA with LayerNorms that have no parameters; projections may be clipped.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace olmo {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "olmo", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 50304, .hidden = 4096, .inner = 11008, .layers = 32, .heads = 32});
  spec.norm = {.kind = NormKind::kLayer, .eps = 1e-5, .weight = false};
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.qkv_clip = in.optional_number("clip_qkv").value_or(0.0);
  in.tokens(std::nullopt, 50279);
  in.rope();
  return in.finish();
}

}  // namespace olmo

Family olmo_family() { return {"olmo", "OlmoForCausalLM", olmo::from_hf, common_weights}; }

}  // namespace ropewalk
