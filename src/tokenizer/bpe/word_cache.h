// Ids of short words met before, since most of a text are words that came already.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace ropewalk::tokenization {

// Direct-mapped: a newcomer takes the place of what was there. One per thread.
class WordCache {
 public:
  WordCache() : slots_(kSlots) {}

  // Appends the ids of a word; compute() appends them where they are not known yet.
  template <typename Compute>
  void append(std::string_view word, std::vector<int32_t>& ids, Compute&& compute) {
    if (word.empty() || word.size() > kMaxBytes) return compute();
    const Key key = key_of(word);
    Slot& slot = slots_[index_of(key)];
    if (slot.key == key) {
      ids.insert(ids.end(), slot.ids.begin(), slot.ids.begin() + slot.num_ids);
      return;
    }
    const size_t before = ids.size();
    compute();
    const size_t count = ids.size() - before;
    if (count > kMaxIds) return;
    std::copy(ids.begin() + before, ids.end(), slot.ids.begin());
    slot.num_ids = static_cast<int32_t>(count);
    slot.key = key;
  }

 private:
  static constexpr size_t kMaxBytes = 23;
  static constexpr size_t kMaxIds = 9;
  static constexpr size_t kSlots = 1 << 15;
  using Key = std::array<uint64_t, 3>;  // bytes, zero-padded; last byte = length
  struct Slot {
    Key key{};
    std::array<int32_t, kMaxIds> ids;
    int32_t num_ids;
  };

  static Key key_of(std::string_view word);
  static size_t index_of(const Key& key);

  std::vector<Slot> slots_;
};

}  // namespace ropewalk::tokenization
