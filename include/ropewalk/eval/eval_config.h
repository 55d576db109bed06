// Section `eval` of a run config: perplexity on the validation shards while training.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

struct EvalConfig {
  int64_t every_steps = 200;
  std::vector<int64_t> windows;
  std::optional<int64_t> stride;
  std::vector<double> factors;
  int64_t max_documents = 0;

  static constexpr auto fields() {
    using namespace rules;
    using E = EvalConfig;
    return std::tuple{
        field("every_steps",
              &E::every_steps,
              "Steps between two evaluations on `data.validation`; 0 = off.",
              non_negative),
        field("windows",
              &E::windows,
              "Window lengths in tokens; none = `data.sequence_length`.",
              at_least(2)),
        field("stride",
              &E::stride,
              "Tokens by which the window moves on; at most the smallest window.",
              positive,
              unset_means("256, or the window where that is smaller")),
        field("factors",
              &E::factors,
              "Total linear factors to evaluate under; none = the model's own scaling.",
              at_least(1),
              advice("Positions are DIVIDED by the factor: write 16, not 0.0625.")),
        field("max_documents",
              &E::max_documents,
              "Documents to evaluate, from the first; 0 = all.",
              non_negative),
    };
  }
  void check(Diagnostics& d) const {
    for (int64_t window : windows) {
      if (stride && *stride > window) {
        d.error("stride",
                "found " + std::to_string(*stride) +
                    ", expected at most every window; the window of " + std::to_string(window) +
                    " would skip tokens. Lower the stride or drop the window");
      }
    }
  }
};

}  // namespace ropewalk
