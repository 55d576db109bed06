// What the numbers before the first step say about the positions: a wrong factor, layout or kind
// still runs, and is cheapest to find here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ropewalk/eval/perplexity.h"

namespace ropewalk {

struct StartNumbers {
  PerplexityResult trained;               // under the positions of pre-training, within its context
  std::vector<PerplexityResult> started;  // under those that the run trains with
  // Of `trained`, had the heads the other rotary layout; nothing where that cannot be measured.
  std::optional<double> other_layout;
  int64_t trained_length = 0;  // the context of pre-training, L
  int64_t vocab_size = 0;
};

// One sentence or two for each doubt; empty: the shape is that of Chen et al. (arXiv 2306.15595,
// tables 1 and 3), where unscaled positions beyond L rise above 10^3, and scaled ones stay finite
// without any tuning (16 at factor 4, 112 at factor 8, of a base at 7).
std::vector<std::string> doubts_about_start(const StartNumbers& numbers);

}  // namespace ropewalk
