// SmolLM3: LLaMA with every fourth layer without rotary positions.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace smollm3 {

// no_rope_layers says 1 for a layer WITH rotary positions.
void read_rotary_layers(FamilyReader& in) {
  std::vector<LayerSpec>& layers = in.spec().layers;
  const int64_t interval = in.size("no_rope_layer_interval", 4);
  const std::vector<int64_t> listed = in.counts("no_rope_layers");
  if (!listed.empty() && listed.size() != layers.size()) {
    in.fault("no_rope_layers",
             "has " + std::to_string(listed.size()) + " entries; expected one for each layer");
    return;
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    const bool rotary =
        listed.empty() ? (static_cast<int64_t>(i) + 1) % interval != 0 : listed[i] != 0;
    if (!rotary) layers[i].rope = LayerRope::kNone;
  }
}

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "smollm3", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 128256,
            .hidden = 2048,
            .inner = 11008,
            .layers = 36,
            .heads = 16,
            .kv_heads = 4,
            .window = 32768});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_act", "silu");
  in.ties(true);
  in.dropout("attention_dropout");
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.mlp_up_bias = spec.mlp_down_bias = in.flag("mlp_bias", false);
  in.ignore({"max_window_layers", "pretraining_tp"});
  read_rotary_layers(in);
  const auto window = in.switched_window(std::nullopt);
  in.windows(window,
             [&](int64_t layer) { return window && spec.layer(layer).rope == LayerRope::kNone; });
  in.tokens(128000, 128001);
  in.rope({.default_theta = 2e6});
  return in.finish();
}

}  // namespace smollm3

Family smollm3_family() {
  return {"smollm3", "SmolLM3ForCausalLM", smollm3::from_hf, common_weights};
}

}  // namespace ropewalk
