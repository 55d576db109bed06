// Places where a word may be cut before it is merged. A merge that reaches over the place between
// characters x and y joins a token that ends with x and one that begins with y; where the table has
// no such merge, both sides never meet, so their ids are those of the whole. Models without a
// pre-tokenizer take a whole text as one word, which seams cut back into words.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ropewalk::tokenization {

class MergeSeams {
 public:
  void build(const std::vector<std::pair<std::string, std::string>>& merges);

  // Whether no merge reaches over the place between the two. May be false where none does: the
  // pairs are kept as single bits by hash.
  bool between(int32_t left, int32_t right) const {
    const uint64_t bit = bit_of(left, right);
    return (bits_[bit >> 6] >> (bit & 63) & 1) == 0;
  }

 private:
  uint64_t bit_of(int32_t left, int32_t right) const {
    const uint64_t pair = static_cast<uint64_t>(left) << 21 | static_cast<uint64_t>(right);
    return (pair * 0x9E3779B97F4A7C15ull) >> shift_;
  }

  std::vector<uint64_t> bits_ = {~0ull};
  unsigned shift_ = 58;
};

}  // namespace ropewalk::tokenization
