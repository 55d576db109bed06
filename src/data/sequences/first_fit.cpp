#include "data/sequences/first_fit.h"

#include <algorithm>
#include <bit>

namespace ropewalk {
namespace {

// Room left in every bin, under a tree of maxima: the first bin with room is found from the root.
class Bins {
 public:
  Bins(size_t count, int32_t capacity) : leaves_(std::bit_ceil(std::max<size_t>(count, 1))) {
    most_.assign(2 * leaves_, capacity);
  }

  uint32_t put(int32_t size) {
    size_t node = 1;
    while (node < leaves_) node = 2 * node + (most_[2 * node] >= size ? 0 : 1);
    const size_t bin = node - leaves_;
    most_[node] -= size;
    for (node /= 2; node >= 1; node /= 2)
      most_[node] = std::max(most_[2 * node], most_[2 * node + 1]);
    return static_cast<uint32_t>(bin);
  }

 private:
  size_t leaves_;
  std::vector<int32_t> most_;  // node 1 is the root, leaf i is leaves_ + i
};

}  // namespace

std::vector<uint32_t> first_fit(const std::vector<int32_t>& sizes, int32_t capacity) {
  const auto is_whole = [&](int32_t size) { return size == capacity; };
  Bins bins(sizes.size() - std::ranges::count_if(sizes, is_whole), capacity);
  std::vector<uint32_t> placed(sizes.size());
  uint32_t num_bins = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (is_whole(sizes[i])) continue;
    placed[i] = bins.put(sizes[i]);
    num_bins = std::max(num_bins, placed[i] + 1);
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (is_whole(sizes[i])) placed[i] = num_bins++;
  }
  return placed;
}

}  // namespace ropewalk
