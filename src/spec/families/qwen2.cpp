// Qwen2 and Qwen2.5: LLaMA with biases on q, k and v; the upper layers may slide.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace qwen2 {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "qwen2", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 151936,
            .hidden = 4096,
            .inner = 22016,
            .layers = 32,
            .heads = 32,
            .kv_heads = 32,
            .window = 32768});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.qkv_bias = true;
  const int64_t first = in.count("max_window_layers", 28);
  const auto window = in.switched_window(4096);
  in.windows(window, [&](int64_t layer) { return window && layer >= first; });
  in.tokens(std::nullopt, std::nullopt);
  in.rope();
  return in.finish();
}

}  // namespace qwen2

Family qwen2_family() { return {"qwen2", "Qwen2ForCausalLM", qwen2::from_hf, common_weights}; }

}  // namespace ropewalk
