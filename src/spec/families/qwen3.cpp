// Qwen3: LLaMA with RMSNorm on the queries and keys of each head, before they are rotated.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace qwen3 {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "qwen3", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 151936,
            .hidden = 4096,
            .inner = 22016,
            .layers = 32,
            .heads = 32,
            .kv_heads = 32,
            .head_dim = 128,
            .window = 32768});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.qk_norm = QkNorm::kHead;
  spec.qk_norm_spec = spec.norm;
  const int64_t first = in.count("max_window_layers", 28);
  const auto window = in.switched_window(4096);
  in.windows(window, [&](int64_t layer) { return window && layer >= first; });
  in.tokens(std::nullopt, std::nullopt);
  in.rope();
  return in.finish();
}

}  // namespace qwen3

Family qwen3_family() { return {"qwen3", "Qwen3ForCausalLM", qwen3::from_hf, common_weights}; }

}  // namespace ropewalk
