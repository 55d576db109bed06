// GLM-4-0414: GLM with norms after attention and MLP as well.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "glm4", diagnostics);
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
  spec.post_norms = true;
  in.tokens(std::nullopt, std::nullopt);
  in.rope({.partial_rotary_allowed = true,
           .default_partial_rotary_factor = 0.5,
           .layout = RopeLayout::kInterleaved});
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .rename("mlp.gate_up", {in_layer("mlp.gate_up_proj")})
      .rename("attention_post_norm", {in_layer("post_self_attn_layernorm")})
      .rename("mlp_post_norm", {in_layer("post_mlp_layernorm")})
      .take();
}

}  // namespace

Family glm4_family() { return {"glm4", "Glm4ForCausalLM", from_hf, weights}; }

}  // namespace ropewalk
