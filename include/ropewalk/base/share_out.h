// Items of different sizes over several takers.
#pragma once

#include <cstdint>
#include <vector>

namespace ropewalk {

// By item, who takes it: the largest first, each goes to whoever has the least so far.
std::vector<size_t> share_out(const std::vector<uint64_t>& sizes, size_t num_takers);

}  // namespace ropewalk
