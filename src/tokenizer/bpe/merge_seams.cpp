#include "tokenizer/bpe/merge_seams.h"

#include <algorithm>
#include <bit>

#include "tokenizer/unicode/characters.h"

namespace ropewalk::tokenization {

void MergeSeams::build(const std::vector<std::pair<std::string, std::string>>& merges) {
  std::vector<std::pair<int32_t, int32_t>> crossed;
  crossed.reserve(merges.size());
  for (const auto& [left, right] : merges) {
    if (left.empty() || right.empty()) continue;
    crossed.emplace_back(last_code_point(left).value, first_code_point(right).value);
  }
  std::sort(crossed.begin(), crossed.end());
  crossed.erase(std::unique(crossed.begin(), crossed.end()), crossed.end());
  // One bit in 16 is set at most, so that few seams are overlooked.
  const size_t num_bits = std::bit_ceil(std::max<size_t>(4096, 16 * crossed.size()));
  bits_.assign(num_bits / 64, 0);
  shift_ = 64 - std::countr_zero(num_bits);
  for (const auto& [left, right] : crossed) {
    const uint64_t bit = bit_of(left, right);
    bits_[bit >> 6] |= 1ull << (bit & 63);
  }
}

}  // namespace ropewalk::tokenization
