// gpt-oss: attention sinks, a sliding window in every other layer, YaRN, biased experts with a
// clamped SwiGLU.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace gpt_oss {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "gpt_oss", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 201088,
            .hidden = 2880,
            .inner = 2880,
            .layers = 36,
            .heads = 64,
            .kv_heads = 8,
            .head_dim = 64,
            .window = 131072});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-5);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", true);
  spec.attention_sinks = true;
  ExpertsSpec& experts =
      in.experts({.default_count = 128, .default_per_token = 4, .default_inner = 2880});
  experts.renormalize = true;
  experts.router_bias = experts.bias = true;
  experts.swiglu_limit = in.positive("swiglu_limit", 7.0);
  in.expect("swiglu_alpha", {1.702});
  in.ignore({"experts_per_token", "initial_context_length"});
  in.windows(in.size_or_null("sliding_window", 128), [](int64_t layer) { return layer % 2 == 0; });
  in.tokens(std::nullopt, std::nullopt);
  in.rope({.default_theta = 150000.0});
  in.allow_mxfp4();
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .set("attention.sinks", {in_layer("self_attn.sinks")})
      .rename("mlp.router", {in_layer("mlp.router")})
      .set("mlp.experts.gate_up.weight",
           {in_layer("mlp.experts.gate_up_proj")},
           WeightLayout::kStackedInterleaved)
      .set("mlp.experts.gate_up.bias",
           {in_layer("mlp.experts.gate_up_proj_bias")},
           WeightLayout::kStackedInterleaved)
      .set("mlp.experts.down.weight",
           {in_layer("mlp.experts.down_proj")},
           WeightLayout::kStackedTransposed)
      .set(
          "mlp.experts.down.bias", {in_layer("mlp.experts.down_proj_bias")}, WeightLayout::kStacked)
      .take();
}

}  // namespace gpt_oss

Family gpt_oss_family() {
  return {"gpt_oss", "GptOssForCausalLM", gpt_oss::from_hf, gpt_oss::weights};
}

}  // namespace ropewalk
