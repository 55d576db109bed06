// Helium: LLaMA with interleaved rotary.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace helium {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "helium", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 48000,
            .hidden = 2560,
            .inner = 7040,
            .layers = 24,
            .heads = 20,
            .kv_heads = 20,
            .head_dim = 128,
            .window = 4096});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-8);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.qkv_bias = in.flag("attention_bias", false);
  spec.mlp_up_bias = spec.mlp_down_bias = in.flag("mlp_bias", false);
  in.tokens(1, 2);
  in.rope({.default_theta = 1e5, .layout = RopeLayout::kInterleaved});
  return in.finish();
}

}  // namespace helium

Family helium_family() { return {"helium", "HeliumForCausalLM", helium::from_hf, common_weights}; }

}  // namespace ropewalk
