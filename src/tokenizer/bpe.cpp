#include "tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "ropewalk/base/errors.h"
#include "tokenizer/byte_alphabet.h"

namespace ropewalk::tokenization {
namespace {

// Up to this many symbols a scan for the lowest rank beats a heap.
constexpr size_t kShortWord = 40;
constexpr uint32_t kNoRank = std::numeric_limits<uint32_t>::max();

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// Order of a max-heap whose top is the lowest rank, then the leftmost.
bool later(const BpeScratch::Candidate& a, const BpeScratch::Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
}

}  // namespace

void MergeTable::reserve(size_t count) {
  const size_t size = std::bit_ceil(std::max<size_t>(16, 2 * count));
  slots_.assign(size, {});
  shift_ = 64 - std::countr_zero(size);
}

void MergeTable::insert(int32_t left, int32_t right, Merge merge) {
  const uint64_t key = pair_key(left, right);
  size_t slot = slot_of(key);
  while (slots_[slot].key != kEmpty && slots_[slot].key != key)
    slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot] = {key, merge};
}

const MergeTable::Merge* MergeTable::find(int32_t left, int32_t right) const {
  const uint64_t key = pair_key(left, right);
  for (size_t slot = slot_of(key);; slot = (slot + 1) & (slots_.size() - 1)) {
    if (slots_[slot].key == key) return &slots_[slot].merge;
    if (slots_[slot].key == kEmpty) return nullptr;
  }
}

WordCache::Slot& WordCache::lookup(std::string_view word, bool& hit) {
  std::array<uint64_t, 3> key{};
  std::memcpy(key.data(), word.data(), word.size());
  key[2] |= static_cast<uint64_t>(word.size()) << 56;
  uint64_t hash = key[0] * 0x9E3779B97F4A7C15ull;
  hash = (hash ^ (hash >> 32) ^ key[1]) * 0xC2B2AE3D27D4EB4Full;
  hash = (hash ^ (hash >> 29) ^ key[2]) * 0x9E3779B97F4A7C15ull;
  Slot& slot = slots_[(hash ^ (hash >> 31)) & (kSlots - 1)];
  hit = slot.key == key;
  slot.key = key;
  return slot;
}

std::optional<int32_t> Bpe::find(const std::string& token) const {
  const auto entry = vocab_.find(token);
  if (entry == vocab_.end()) return std::nullopt;
  return entry->second;
}

void Bpe::start_symbols(std::string_view bytes, std::vector<int32_t>& word) const {
  word.clear();
  bool after_unknown = false;
  for (const char c : bytes) {
    const int32_t id = byte_ids_[static_cast<uint8_t>(c)];
    if (id >= 0) {
      word.push_back(id);
      after_unknown = false;
    } else if (unknown_id_) {
      if (!after_unknown || !fuse_unknown_) word.push_back(*unknown_id_);
      after_unknown = true;
    }
  }
}

void Bpe::encode_word(std::string_view bytes,
                      BpeScratch& scratch,
                      std::vector<int32_t>& ids) const {
  if (bytes.empty()) return;
  WordCache::Slot* slot = nullptr;
  if (bytes.size() <= WordCache::kMaxBytes) {
    bool hit = false;
    slot = &scratch.cache.lookup(bytes, hit);
    if (hit) {
      ids.insert(ids.end(), slot->ids.begin(), slot->ids.begin() + slot->num_ids);
      return;
    }
  }
  std::vector<int32_t>& word = scratch.word;
  const auto whole = ignore_merges_ ? whole_words_.find(std::string(bytes)) : whole_words_.end();
  if (whole != whole_words_.end()) {
    word.assign(1, whole->second);
  } else {
    start_symbols(bytes, word);
    word.size() <= kShortWord ? merge_short(scratch) : merge_long(scratch);
  }
  ids.insert(ids.end(), word.begin(), word.end());
  if (slot == nullptr) return;
  if (word.size() > WordCache::kMaxIds) return WordCache::forget(*slot);
  std::copy(word.begin(), word.end(), slot->ids.begin());
  slot->num_ids = static_cast<int32_t>(word.size());
}

// ranks[i] and merged[i] belong to the pair (word[i], word[i+1]).
void Bpe::merge_short(BpeScratch& scratch) const {
  std::vector<int32_t>& word = scratch.word;
  std::vector<uint32_t>& ranks = scratch.ranks;
  std::vector<int32_t>& merged = scratch.merged;
  ranks.assign(word.size(), kNoRank);
  merged.assign(word.size(), 0);
  const auto look_up = [&](size_t i) {
    const MergeTable::Merge* merge = merges_.find(word[i], word[i + 1]);
    ranks[i] = merge == nullptr ? kNoRank : merge->rank;
    if (merge != nullptr) merged[i] = merge->id;
  };
  for (size_t i = 0; i + 1 < word.size(); ++i) look_up(i);
  while (word.size() > 1) {
    const size_t last = word.size() - 1;
    size_t best = 0;
    for (size_t i = 1; i < last; ++i) {
      if (ranks[i] < ranks[best]) best = i;
    }
    if (ranks[best] == kNoRank) return;
    word[best] = merged[best];
    word.erase(word.begin() + best + 1);
    ranks.erase(ranks.begin() + best);
    merged.erase(merged.begin() + best);
    if (best > 0) look_up(best - 1);
    if (best + 1 < word.size()) look_up(best);
  }
}

bool Bpe::add_candidate(BpeScratch& scratch, int32_t left, int32_t right) const {
  const MergeTable::Merge* merge =
      merges_.find(scratch.symbols[left].id, scratch.symbols[right].id);
  if (merge == nullptr) return false;
  scratch.heap.push_back({merge->rank, left, merge->id});
  return true;
}

// A linked list and a heap of candidates, of which stale ones are skipped: n log n for n symbols.
void Bpe::merge_long(BpeScratch& scratch) const {
  std::vector<int32_t>& word = scratch.word;
  std::vector<BpeScratch::Symbol>& symbols = scratch.symbols;
  if (word.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    throw DataError("a text has a word of " + std::to_string(word.size()) +
                    " bytes; expected fewer than 2^31; cut the text");
  }
  const int32_t size = static_cast<int32_t>(word.size());
  symbols.clear();
  scratch.heap.clear();
  for (int32_t i = 0; i < size; ++i) {
    symbols.push_back({word[i], i - 1, i + 1 < size ? i + 1 : -1, true});
  }
  for (int32_t i = 0; i + 1 < size; ++i) add_candidate(scratch, i, i + 1);
  std::make_heap(scratch.heap.begin(), scratch.heap.end(), later);
  const auto push_candidate = [&](int32_t left, int32_t right) {
    if (!add_candidate(scratch, left, right)) return;
    std::push_heap(scratch.heap.begin(), scratch.heap.end(), later);
  };
  while (!scratch.heap.empty()) {
    const BpeScratch::Candidate top = scratch.heap.front();
    std::pop_heap(scratch.heap.begin(), scratch.heap.end(), later);
    scratch.heap.pop_back();
    BpeScratch::Symbol& left = symbols[top.position];
    if (!left.alive || left.next < 0) continue;
    const int32_t right = left.next;
    const MergeTable::Merge* merge = merges_.find(left.id, symbols[right].id);
    if (merge == nullptr || merge->id != top.id) continue;
    left.id = top.id;
    left.next = symbols[right].next;
    symbols[right].alive = false;
    if (left.next >= 0) {
      symbols[left.next].previous = top.position;
      push_candidate(top.position, left.next);
    }
    if (left.previous >= 0) push_candidate(left.previous, top.position);
  }
  word.clear();
  for (int32_t i = 0; i >= 0; i = symbols[i].next) word.push_back(symbols[i].id);
}

}  // namespace ropewalk::tokenization
