// Which tokens of a text each window sees and scores, by the protocols of protocol.h. Plain
// arithmetic, no tensors.
#pragma once

#include <cstdint>
#include <vector>

namespace ropewalk {

// Tokens [begin, end) are read; tokens [score_begin, end) are scored, which may be none. Offsets
// into the text.
struct ScoredWindow {
  int64_t begin;
  int64_t end;
  int64_t score_begin;
  int64_t num_scored() const { return end > score_begin ? end - score_begin : 0; }
};

// pi: windows start at 0, stride, 2 * stride, ... and stop with the first that reaches the text's
// end. A window scores what no earlier window contained, but never its own first token, which has
// no context. Needs 1 <= stride <= window.
std::vector<ScoredWindow> sliding_windows(int64_t num_tokens, int64_t window, int64_t stride);

// yarn: the same of windows that see something before their first token, which they score too where
// no earlier window contained it.
std::vector<ScoredWindow> sliding_windows_after_bos(int64_t num_tokens,
                                                    int64_t window,
                                                    int64_t stride);

// longlora: whole windows, each scoring all but its first token; none where the text has fewer than
// window + stride + 1 tokens.
std::vector<ScoredWindow> stream_windows(int64_t num_tokens, int64_t window, int64_t stride);

}  // namespace ropewalk
