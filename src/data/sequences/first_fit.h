// Bin packing by first fit: each item goes into the first bin with room for it.
#pragma once

#include <cstdint>
#include <vector>

namespace ropewalk {

// The bin of every item, numbered from 0. Sizes are 1 to `capacity`. Items of the whole capacity
// get bins of their own behind all others. Time: n log n. Memory: 12 bytes an item. At most
// 2^32 - 1 items.
std::vector<uint32_t> first_fit(const std::vector<int32_t>& sizes, int32_t capacity);

}  // namespace ropewalk
