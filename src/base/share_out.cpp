#include "ropewalk/base/share_out.h"

#include <algorithm>
#include <numeric>

namespace ropewalk {

std::vector<size_t> share_out(const std::vector<uint64_t>& sizes, size_t num_takers) {
  std::vector<size_t> by_size(sizes.size());
  std::iota(by_size.begin(), by_size.end(), size_t{0});
  std::stable_sort(
      by_size.begin(), by_size.end(), [&](size_t a, size_t b) { return sizes[a] > sizes[b]; });
  std::vector<size_t> takers(sizes.size());
  std::vector<uint64_t> loads(num_takers);
  for (const size_t item : by_size) {
    const auto least = std::min_element(loads.begin(), loads.end());
    *least += sizes[item];
    takers[item] = static_cast<size_t>(least - loads.begin());
  }
  return takers;
}

}  // namespace ropewalk
