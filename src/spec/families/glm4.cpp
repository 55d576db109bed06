// GLM-4-0414: GLM with norms after attention and MLP as well.
#include "spec/families/families.h"
#include "spec/families/glm.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace glm4 {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "glm4", diagnostics);
  read_glm(in);
  in.spec().post_norms = true;
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .rename("mlp.gate_up", {in_layer("mlp.gate_up_proj")})
      .rename("attention_post_norm", {in_layer("post_self_attn_layernorm")})
      .rename("mlp_post_norm", {in_layer("post_mlp_layernorm")})
      .take();
}

}  // namespace glm4

Family glm4_family() { return {"glm4", "Glm4ForCausalLM", glm4::from_hf, glm4::weights}; }

}  // namespace ropewalk
