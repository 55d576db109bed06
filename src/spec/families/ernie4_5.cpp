// ERNIE 4.5 dense: LLaMA with interleaved rotary.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace ernie4_5 {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "ernie4_5", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 103424,
            .hidden = 1024,
            .inner = 3072,
            .layers = 18,
            .heads = 16,
            .kv_heads = 2,
            .head_dim = 128,
            .window = 131072});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-5);
  in.activation("hidden_act", "silu");
  in.ties(true);
  in.dropout("attention_dropout");
  spec.qkv_bias = spec.output_bias = spec.mlp_up_bias = spec.mlp_down_bias =
      in.flag("use_bias", false);
  in.tokens(1, 2);
  in.rope({.default_theta = 5e5, .layout = RopeLayout::kInterleaved});
  return in.finish();
}

}  // namespace ernie4_5

Family ernie4_5_family() {
  return {"ernie4_5", "Ernie4_5ForCausalLM", ernie4_5::from_hf, common_weights};
}

}  // namespace ropewalk
