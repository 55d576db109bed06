// Apertus: a plain MLP with xIELU, whose two slopes are learned, and normed queries and keys.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace apertus {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "apertus", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 131072,
            .hidden = 4096,
            .inner = 14336,
            .layers = 32,
            .heads = 32,
            .window = 65536});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-5);
  in.activation("hidden_act", "xielu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.gated_mlp = false;
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  in.expect("mlp_bias", {false});
  in.expect("post_norm", {false});
  in.expect("qk_norm", {true});
  spec.qk_norm = QkNorm::kHead;
  spec.qk_norm_spec = spec.norm;
  in.tokens(1, 2);
  in.rope({.default_theta = 12e6});
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .rename("attention_norm", {in_layer("attention_layernorm")})
      .rename("mlp_norm", {in_layer("feedforward_layernorm")})
      .set("mlp.activation.alpha_p", {in_layer("mlp.act_fn.alpha_p")})
      .set("mlp.activation.alpha_n", {in_layer("mlp.act_fn.alpha_n")})
      .set("mlp.activation.beta", {in_layer("mlp.act_fn.beta")}, WeightLayout::kScalar)
      .set("mlp.activation.eps", {in_layer("mlp.act_fn.eps")}, WeightLayout::kScalar)
      .take();
}

}  // namespace apertus

Family apertus_family() {
  return {"apertus", "ApertusForCausalLM", apertus::from_hf, apertus::weights};
}

}  // namespace ropewalk
