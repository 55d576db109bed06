// DeepSeek-V3 and R1: latent attention; experts chosen by corrected sigmoid scores among the best
// groups. The layers for predicting further tokens are not part of the model.
#include "spec/families/deepseek.h"
#include "spec/families/families.h"

namespace ropewalk {
namespace deepseek_v3 {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "deepseek_v3", diagnostics);
  in.sizes({.vocab = 129280,
            .hidden = 7168,
            .inner = 18432,
            .layers = 61,
            .heads = 128,
            .kv_heads = 128,
            .window = 4096});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  ExpertsSpec& experts = read_deepseek_experts(in,
                                               {.count = "n_routed_experts",
                                                .default_count = 256,
                                                .default_per_token = 8,
                                                .inner = "moe_intermediate_size",
                                                .default_inner = 2048});
  experts.router = RouterKind::kSigmoidGroup;
  experts.weight_scale = in.number("routed_scaling_factor", 2.5);
  experts.renormalize = in.flag("norm_topk_prob", true);
  experts.num_groups = in.size("n_group", 8);
  experts.groups_per_token = in.size("topk_group", 4);
  in.expect("scoring_func", {"sigmoid"});
  in.expect("topk_method", {"noaux_tc"});
  in.tokens(0, 1);
  read_latent_attention(
      in, in.flag("rope_interleave", true) ? RopeLayout::kInterleaved : RopeLayout::kHalf);
  return in.finish();
}

FamilyWeights weights(const DecoderSpec& spec) {
  FamilyWeights weights = deepseek_weights(spec);
  weights.ignored.push_back("model.layers." + std::to_string(spec.num_layers) + ".*");
  return weights;
}

}  // namespace deepseek_v3

Family deepseek_v3_family() {
  return {"deepseek_v3", "DeepseekV3ForCausalLM", deepseek_v3::from_hf, deepseek_v3::weights};
}

}  // namespace ropewalk
