// Granite 3 MoE: Granite with experts; the chosen ones' weights sum to 1.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "granitemoe", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 32000, .hidden = 4096, .inner = 11008, .layers = 32, .heads = 32});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.embedding_scale = in.number("embedding_multiplier", 1.0);
  spec.attention_scale = in.number("attention_multiplier", 1.0);
  spec.residual_scale = in.number("residual_multiplier", 1.0);
  spec.logit_scale = 1.0 / in.positive("logits_scaling", 1.0);
  in.experts({.default_count = 8, .default_per_token = 2, .default_inner = 11008}).renormalize =
      true;
  in.tokens(1, 2);
  in.rope();
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .rename("mlp.router", {in_layer("block_sparse_moe.router.layer")})
      .rename("mlp.experts.gate_up",
              {in_layer("block_sparse_moe.input_linear")},
              WeightLayout::kStacked)
      .rename(
          "mlp.experts.down", {in_layer("block_sparse_moe.output_linear")}, WeightLayout::kStacked)
      .take();
}

}  // namespace

Family granitemoe_family() { return {"granitemoe", "GraniteMoeForCausalLM", from_hf, weights}; }

}  // namespace ropewalk
