// OLMo 2: RMSNorm on what attention and MLP give instead of before them, and over all queries and
// keys.
#include "spec/families/olmo2.h"

#include "spec/families/families.h"
#include "spec/weight_table.h"

namespace ropewalk {

void read_olmo2(FamilyReader& in) {
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
}

namespace olmo2 {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "olmo2", diagnostics);
  read_olmo2(in);
  in.rope();
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) { return WeightTable().post_norms().take(); }

}  // namespace olmo2

Family olmo2_family() { return {"olmo2", "Olmo2ForCausalLM", olmo2::from_hf, olmo2::weights}; }

}  // namespace ropewalk
