// Granite 3: LLaMA with multipliers on embeddings, scores, residuals and logits.
#include "spec/families/granite.h"

#include "spec/families/families.h"
#include "spec/weight_table.h"

namespace ropewalk {

void read_granite(FamilyReader& in) {
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 32000, .hidden = 4096, .inner = 11008, .layers = 32, .heads = 32});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.embedding_scale = in.number("embedding_multiplier", 1.0);
  spec.attention_scale = in.number("attention_multiplier", 1.0);
  spec.residual_scale = in.number("residual_multiplier", 1.0);
  spec.logit_scale = 1.0 / in.positive("logits_scaling", 1.0);
}

namespace granite {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "granite", diagnostics);
  read_granite(in);
  DecoderSpec& spec = in.spec();
  spec.mlp_up_bias = spec.mlp_down_bias = in.flag("mlp_bias", false);
  in.tokens(1, 2);
  in.rope();
  return in.finish();
}

}  // namespace granite

Family granite_family() {
  return {"granite", "GraniteForCausalLM", granite::from_hf, common_weights};
}

}  // namespace ropewalk
