// GLM-4-9B: LLaMA with biases on q, k and v, interleaved rotary on half of each head, merged gate
// and up.
#include "spec/families/glm.h"

#include "spec/families/families.h"
#include "spec/weight_table.h"

namespace ropewalk {

void read_glm(FamilyReader& in) {
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 151552,
            .hidden = 4096,
            .inner = 13696,
            .layers = 40,
            .heads = 32,
            .kv_heads = 2,
            .head_dim = 128,
            .window = 131072});
  in.norm(NormKind::kRms, "rms_norm_eps", 1.5625e-7);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.qkv_bias = in.flag("attention_bias", true);
  in.tokens(std::nullopt, std::nullopt);
  in.rope({.partial_rotary_allowed = true,
           .default_partial_rotary_factor = 0.5,
           .layout = RopeLayout::kInterleaved});
}

namespace glm {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "glm", diagnostics);
  read_glm(in);
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable().rename("mlp.gate_up", {in_layer("mlp.gate_up_proj")}).take();
}

}  // namespace glm

Family glm_family() { return {"glm", "GlmForCausalLM", glm::from_hf, glm::weights}; }

}  // namespace ropewalk
