// DeepSeek-V2: latent attention with interleaved rotary dimensions of their own; experts chosen by
// softmax, perhaps among the best groups only.
#include "spec/families/deepseek.h"
#include "spec/families/families.h"

namespace ropewalk {
namespace deepseek_v2 {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "deepseek_v2", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 102400, .hidden = 4096, .inner = 11008, .layers = 32, .heads = 32});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.mlp_up_bias = spec.mlp_down_bias = in.flag("mlp_bias", false);
  ExpertsSpec& experts = read_deepseek_experts(in,
                                               {.count = "n_routed_experts",
                                                .default_count = 64,
                                                .inner = "moe_intermediate_size",
                                                .default_inner = 1407});
  experts.router = RouterKind::kSoftmaxGroup;
  experts.weight_scale = in.number("routed_scaling_factor", 1.0);
  const std::string method = in.text("topk_method", "greedy");
  if (method == "group_limited_greedy") {
    experts.num_groups = in.size("n_group", 1);
    experts.groups_per_token = in.size("topk_group", 1);
  } else if (method != "greedy") {
    in.fault("topk_method", "found \"" + method + "\"; expected greedy or group_limited_greedy");
  }
  in.ignore({"n_group", "topk_group"});
  in.expect("scoring_func", {"softmax"});
  in.expect("norm_topk_prob", {false});
  in.tokens(1, 2);
  read_latent_attention(in, RopeLayout::kInterleaved);
  return in.finish();
}

}  // namespace deepseek_v2

Family deepseek_v2_family() {
  return {"deepseek_v2", "DeepseekV2ForCausalLM", deepseek_v2::from_hf, deepseek_weights};
}

}  // namespace ropewalk
