#include "ropewalk/eval/windows.h"

#include <algorithm>

#include "ropewalk/base/errors.h"

namespace ropewalk {

std::vector<ScoredWindow> sliding_windows(int64_t num_tokens, int64_t window, int64_t stride) {
  ROPEWALK_CHECK(stride >= 1 && stride <= window, "a window's stride lies in [1, window]");
  std::vector<ScoredWindow> windows;
  int64_t seen = 0;
  for (int64_t begin = 0; seen < num_tokens; begin += stride) {
    const int64_t end = std::min(begin + window, num_tokens);
    windows.push_back({begin, end, std::max(seen, begin + 1)});
    seen = end;
  }
  return windows;
}

}  // namespace ropewalk
