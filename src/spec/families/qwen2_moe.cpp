// Qwen1.5-MoE and Qwen2-MoE: Qwen2 with experts and an MLP that every token takes, through a gate.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace qwen2_moe {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "qwen2_moe", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 151936,
            .hidden = 2048,
            .inner = 5632,
            .layers = 24,
            .heads = 16,
            .kv_heads = 16,
            .window = 32768});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.qkv_bias = in.flag("qkv_bias", true);
  ExpertsSpec& experts = in.experts({.count = "num_experts",
                                     .default_count = 60,
                                     .default_per_token = 4,
                                     .inner = "moe_intermediate_size",
                                     .default_inner = 1408});
  experts.renormalize = in.flag("norm_topk_prob", false);
  experts.shared_intermediate_size = in.size("shared_expert_intermediate_size", 5632);
  experts.shared_gate = true;
  in.choose_sparse_layers();
  const int64_t first = in.count("max_window_layers", 28);
  const auto window = in.switched_window(4096);
  in.windows(window,
             [&](int64_t layer) { return window && layer < first && (layer + 1) % 2 != 0; });
  in.tokens(std::nullopt, std::nullopt);
  in.rope();
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .rename("mlp.shared.gate_up",
              {in_layer("mlp.shared_expert.gate_proj"), in_layer("mlp.shared_expert.up_proj")})
      .rename("mlp.shared.down", {in_layer("mlp.shared_expert.down_proj")})
      .rename("mlp.shared.switch", {in_layer("mlp.shared_expert_gate")})
      .take();
}

}  // namespace qwen2_moe

Family qwen2_moe_family() {
  return {"qwen2_moe", "Qwen2MoeForCausalLM", qwen2_moe::from_hf, qwen2_moe::weights};
}

}  // namespace ropewalk
