#include "ropewalk/eval/windows.h"

#include <algorithm>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

void check_stride(int64_t window, int64_t stride) {
  ROPEWALK_CHECK(stride >= 1 && stride <= window, "a window's stride lies in [1, window]");
}

// `without_context`: tokens at a window's begin that it cannot score.
std::vector<ScoredWindow> slide(int64_t num_tokens,
                                int64_t window,
                                int64_t stride,
                                int64_t without_context) {
  check_stride(window, stride);
  std::vector<ScoredWindow> windows;
  int64_t seen = 0;
  for (int64_t begin = 0; seen < num_tokens; begin += stride) {
    const int64_t end = std::min(begin + window, num_tokens);
    windows.push_back({begin, end, std::max(seen, begin + without_context)});
    seen = end;
  }
  return windows;
}

}  // namespace

std::vector<ScoredWindow> sliding_windows(int64_t num_tokens, int64_t window, int64_t stride) {
  return slide(num_tokens, window, stride, /*without_context=*/1);
}

std::vector<ScoredWindow> sliding_windows_after_bos(int64_t num_tokens,
                                                    int64_t window,
                                                    int64_t stride) {
  return slide(num_tokens, window, stride, /*without_context=*/0);
}

std::vector<ScoredWindow> stream_windows(int64_t num_tokens, int64_t window, int64_t stride) {
  check_stride(window, stride);
  std::vector<ScoredWindow> windows;
  for (int64_t begin = 0; begin + stride < num_tokens - window; begin += stride) {
    windows.push_back({begin, begin + window, begin + 1});
  }
  return windows;
}

}  // namespace ropewalk
