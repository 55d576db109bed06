// Phi-3, Phi-3.5 and Phi-4: LLaMA with merged projections, LongRoPE and, in some, partial rotary.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace phi3 {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "phi3", diagnostics);
  in.sizes(
      {.vocab = 32064, .hidden = 3072, .inner = 8192, .layers = 32, .heads = 32, .window = 4096});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-5);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  for (const char* key : {"resid_pdrop", "embd_pdrop"}) in.dropout(key);
  in.window_everywhere(in.size_or_null("sliding_window", std::nullopt));
  in.tokens(1, 32000);
  in.rope({.partial_rotary_allowed = true});
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .rename("attention.qkv", {in_layer("self_attn.qkv_proj")})
      .rename("mlp.gate_up", {in_layer("mlp.gate_up_proj")})
      .take();
}

}  // namespace phi3

Family phi3_family() { return {"phi3", "Phi3ForCausalLM", phi3::from_hf, phi3::weights}; }

}  // namespace ropewalk
