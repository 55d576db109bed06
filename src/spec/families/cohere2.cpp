// Command R7B, A: Command R whose sliding layers have rotary positions and whose full layers have
// none.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace cohere2 {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "cohere2", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes(
      {.vocab = 256000, .hidden = 8192, .inner = 22528, .layers = 40, .heads = 64, .window = 8192});
  in.norm(NormKind::kLayer, "layer_norm_eps", 1e-5);
  spec.norm.bias = false;
  in.activation("hidden_act", "silu");
  in.ties(true);
  in.dropout("attention_dropout");
  spec.residual = ResidualKind::kParallelShared;
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.logit_scale = in.number("logit_scale", 0.0625);
  in.ignore({"cache_implementation",
             "order_of_interleaved_layers",
             "position_embedding_type",
             "rotary_pct",
             "use_embedding_sharing",
             "use_gated_activation",
             "use_parallel_block",
             "use_parallel_embedding",
             "layer_switch"});
  in.expect("use_qk_norm", {false});
  const auto window = in.size_or_null("sliding_window", 4096);
  const int64_t pattern = in.size("sliding_window_pattern", 4);
  in.ignore({"_sliding_window_pattern"});
  const std::vector<bool> slides =
      in.windows(window, [&](int64_t layer) { return (layer + 1) % pattern != 0; });
  for (size_t i = 0; i < slides.size(); ++i) {
    if (!(slides[i] && window)) spec.layers[i].rope = LayerRope::kNone;
  }
  in.tokens(5, 255001);
  in.rope({.layout = RopeLayout::kInterleaved});
  return in.finish();
}

}  // namespace cohere2

Family cohere2_family() {
  return {"cohere2", "Cohere2ForCausalLM", cohere2::from_hf, common_weights};
}

}  // namespace ropewalk
