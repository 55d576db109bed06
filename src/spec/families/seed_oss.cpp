// Seed-OSS: LLaMA with biases on q, k and v. Its config asks for dropout unless it says 0.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace seed_oss {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "seed_oss", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 155136,
            .hidden = 4096,
            .inner = 27648,
            .layers = 64,
            .heads = 80,
            .kv_heads = 8,
            .head_dim = 128,
            .window = 524288});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout", 0.1);
  in.dropout("residual_dropout", 0.1);
  in.ignore({"pretraining_tp"});
  spec.qkv_bias = in.flag("attention_bias", true);
  spec.output_bias = in.flag("attention_out_bias", false);
  spec.mlp_up_bias = spec.mlp_down_bias = in.flag("mlp_bias", false);
  in.tokens(0, 2);
  in.rope();
  return in.finish();
}

}  // namespace seed_oss

Family seed_oss_family() {
  return {"seed_oss", "SeedOssForCausalLM", seed_oss::from_hf, common_weights};
}

}  // namespace ropewalk
