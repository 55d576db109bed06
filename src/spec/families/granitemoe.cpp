// Granite 3 MoE: Granite with experts; the chosen ones' weights sum to 1.
#include "spec/families/families.h"
#include "spec/families/granite.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace granitemoe {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "granitemoe", diagnostics);
  read_granite(in);
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

}  // namespace granitemoe

Family granitemoe_family() {
  return {"granitemoe", "GraniteMoeForCausalLM", granitemoe::from_hf, granitemoe::weights};
}

}  // namespace ropewalk
