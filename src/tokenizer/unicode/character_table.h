// Ids by code point: two steps through small arrays, since a text asks for every character.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace ropewalk::tokenization {

class CharacterTable {
 public:
  CharacterTable() : pages_(1) {
    pages_.front().fill(-1);
    index_.fill(0);
  }

  // -1 where there is none.
  int32_t find(int32_t code_point) const {
    return pages_[index_[code_point >> kPageBits]][code_point & (kPageSize - 1)];
  }

  void insert(int32_t code_point, int32_t id) {
    uint16_t& page = index_[code_point >> kPageBits];
    if (page == 0) {
      page = static_cast<uint16_t>(pages_.size());
      pages_.push_back(pages_.front());
    }
    pages_[page][code_point & (kPageSize - 1)] = id;
  }

 private:
  static constexpr int kPageBits = 8;
  static constexpr int kPageSize = 1 << kPageBits;
  using Page = std::array<int32_t, kPageSize>;

  std::vector<Page> pages_;  // the first: characters of which none has an id
  std::array<uint16_t, 0x110000 / kPageSize> index_;
};

}  // namespace ropewalk::tokenization
