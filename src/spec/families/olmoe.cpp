// OLMoE: LLaMA with experts, RMSNorm over all queries and keys, and projections that may be
// clipped.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace olmoe {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "olmoe", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 50304,
            .hidden = 2048,
            .inner = 2048,
            .layers = 16,
            .heads = 16,
            .kv_heads = 16,
            .window = 4096});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-5);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.qk_norm = QkNorm::kWhole;
  spec.qk_norm_spec = spec.norm;
  spec.qkv_clip = in.optional_number("clip_qkv").value_or(0.0);
  spec.qkv_clip_after_norm = true;
  in.experts({.count = "num_experts",
              .default_count = 64,
              .default_per_token = 8,
              .default_inner = 2048,
              .default_loss = 0.01})
      .renormalize = in.flag("norm_topk_prob", false);
  in.tokens(std::nullopt, 50279);
  in.rope();
  return in.finish();
}

}  // namespace olmoe

Family olmoe_family() { return {"olmoe", "OlmoeForCausalLM", olmoe::from_hf, common_weights}; }

}  // namespace ropewalk
