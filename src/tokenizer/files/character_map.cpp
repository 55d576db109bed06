// Sources of the layout: google/sentencepiece src/normalizer.cc, s-yata/darts-clone darts.h.
#include "tokenizer/files/character_map.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <unordered_map>

namespace ropewalk::tokenization {
namespace {

// libsentencepiece has room for so many matches that begin at one character.
constexpr int kMaxMatches = 32;
// No entry is nearly as long; it bounds the recursion.
constexpr int kMaxEntryBytes = 256;

class Trie {
 public:
  Trie(std::string_view units, std::string_view texts) : units_(units), texts_(texts) {}

  bool is_sound() { return size() > 0 && most_matches(offset(unit(0)), 0).has_value(); }

 private:
  // Units: bit 8 says that a value follows, bits 0 to 7 and 31 are the label that leads to it, the
  // others the way to its children.
  static uint32_t label(uint32_t unit) { return unit & (1u << 31 | 0xFF); }
  static bool has_value(uint32_t unit) { return (unit >> 8 & 1) != 0; }
  static uint32_t offset(uint32_t unit) { return unit >> 10 << ((unit & 1u << 9) >> 6); }
  static uint32_t value(uint32_t unit) { return unit & ~(1u << 31); }

  size_t size() const { return units_.size() / sizeof(uint32_t); }
  uint32_t unit(size_t index) const {
    uint32_t unit = 0;
    std::memcpy(&unit, units_.data() + index * sizeof unit, sizeof unit);
    return unit;
  }

  // The most entries on a way down from the children at `base`; nothing where one leads out, in a
  // circle, or to more than there is room for.
  std::optional<int> most_matches(uint32_t base, int depth) {
    if (depth > kMaxEntryBytes) return std::nullopt;
    const auto [known, fresh] = matches_below_.try_emplace(base, kInProgress);
    if (!fresh) return known->second == kInProgress ? std::nullopt : std::optional(known->second);
    int most = 0;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const uint32_t at = base ^ byte;
      if (at >= size()) return std::nullopt;
      if (label(unit(at)) != byte) continue;
      const uint32_t next = at ^ offset(unit(at));
      const bool ends = has_value(unit(at));
      if (ends && (next >= size() || value(unit(next)) >= texts_.size())) return std::nullopt;
      const auto below = most_matches(next, depth + 1);
      if (!below || *below + ends > kMaxMatches) return std::nullopt;
      most = std::max(most, *below + ends);
    }
    matches_below_[base] = most;
    return most;
  }

  static constexpr int kInProgress = -1;
  std::string_view units_;
  std::string_view texts_;
  std::unordered_map<uint32_t, int> matches_below_;
};

}  // namespace

bool is_sound_character_map(std::string_view bytes) {
  if (bytes.empty()) return true;
  uint32_t trie_bytes = 0;
  if (bytes.size() <= sizeof trie_bytes) return false;
  std::memcpy(&trie_bytes, bytes.data(), sizeof trie_bytes);
  bytes.remove_prefix(sizeof trie_bytes);
  // Each text ends with a zero byte.
  if (trie_bytes >= bytes.size() || bytes.back() != '\0') return false;
  return Trie(bytes.substr(0, trie_bytes), bytes.substr(trie_bytes)).is_sound();
}

}  // namespace ropewalk::tokenization
