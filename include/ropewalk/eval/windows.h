// Perplexity protocol `pi`, the sliding window of Chen et al., "Extending Context Window of Large
// Language Models via Position Interpolation" (arXiv 2306.15595, section 3.2): which tokens of a
// document each window sees, and which of them it scores. Plain arithmetic, no tensors.
#pragma once

#include <cstdint>
#include <vector>

namespace ropewalk {

// Tokens [begin, end) are read; tokens [score_begin, end) are scored. Offsets into the document.
struct ScoredWindow {
  int64_t begin;
  int64_t end;
  int64_t score_begin;
};

// Windows start at 0, stride, 2 * stride, ... and stop with the first that reaches the document's
// end. A window scores what no earlier window contained, but never its own first token, which has
// no context. Needs 1 <= stride <= window.
std::vector<ScoredWindow> sliding_windows(int64_t num_tokens, int64_t window, int64_t stride);

}  // namespace ropewalk
