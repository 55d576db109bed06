// Qwen3-MoE: Qwen3 with experts.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace qwen3_moe {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "qwen3_moe", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 151936,
            .hidden = 2048,
            .inner = 6144,
            .layers = 24,
            .heads = 32,
            .kv_heads = 4,
            .window = 32768});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.qk_norm = QkNorm::kHead;
  spec.qk_norm_spec = spec.norm;
  const char* count = in.has("num_experts") ? "num_experts" : "num_local_experts";
  in.experts({.count = count,
              .default_count = 128,
              .default_per_token = 8,
              .inner = "moe_intermediate_size",
              .default_inner = 768})
      .renormalize = in.flag("norm_topk_prob", false);
  in.ignore({"num_local_experts"});
  in.choose_sparse_layers();
  in.window_everywhere(in.switched_window(4096));
  in.ignore({"max_window_layers"});
  in.tokens(std::nullopt, std::nullopt);
  in.rope();
  return in.finish();
}

}  // namespace qwen3_moe

Family qwen3_moe_family() {
  return {"qwen3_moe", "Qwen3MoeForCausalLM", qwen3_moe::from_hf, common_weights};
}

}  // namespace ropewalk
