#include "tokenizer/bpe/bpe_merges.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>

#include "ropewalk/base/errors.h"

namespace ropewalk::tokenization {
namespace {

// Up to this many symbols a scan for the lowest rank beats a queue.
constexpr size_t kShortWord = 40;
// A word has up to three candidates for each symbol, and the queue takes fewer than 2^32.
constexpr size_t kLongestWord = size_t{1} << 30;
constexpr int32_t kMergedAway = -1;
constexpr uint32_t kNoRank = std::numeric_limits<uint32_t>::max();

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
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

namespace {

// ranks[i] and merged[i] belong to the pair (word[i], word[i+1]).
void merge_short(const MergeTable& merges, std::vector<int32_t>& word, MergeScratch& scratch) {
  std::vector<uint32_t>& ranks = scratch.ranks;
  std::vector<int32_t>& merged = scratch.merged;
  ranks.assign(word.size(), kNoRank);
  merged.assign(word.size(), 0);
  const auto look_up = [&](size_t i) {
    const MergeTable::Merge* merge = merges.find(word[i], word[i + 1]);
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

// A linked list and a queue of candidates, of which stale ones are skipped.
void merge_long(const MergeTable& merges, std::vector<int32_t>& word, MergeScratch& scratch) {
  std::vector<MergeScratch::Symbol>& symbols = scratch.symbols;
  if (word.size() > kLongestWord) {
    throw DataError("a text has a word of " + std::to_string(word.size()) +
                    " symbols; expected at most " + std::to_string(kLongestWord) +
                    "; cut the text");
  }
  const int32_t size = static_cast<int32_t>(word.size());
  symbols.clear();
  for (int32_t i = 0; i < size; ++i) symbols.push_back({word[i], i - 1, i + 1 < size ? i + 1 : -1});
  const auto add_candidate = [&](int32_t left, int32_t right) {
    const MergeTable::Merge* merge = merges.find(symbols[left].id, symbols[right].id);
    if (merge != nullptr) scratch.queue.push({merge->rank, left});
  };
  for (int32_t i = 0; i + 1 < size; ++i) add_candidate(i, i + 1);
  while (const auto candidate = scratch.queue.pop()) {
    MergeScratch::Symbol& left = symbols[candidate->position];
    if (left.id == kMergedAway || left.next < 0) continue;
    MergeScratch::Symbol& right = symbols[left.next];
    const MergeTable::Merge* merge = merges.find(left.id, right.id);
    if (merge == nullptr || merge->rank != candidate->rank) continue;
    left.id = merge->id;
    left.next = right.next;
    right.id = kMergedAway;
    if (left.previous >= 0) add_candidate(left.previous, candidate->position);
    if (left.next >= 0) {
      symbols[left.next].previous = candidate->position;
      add_candidate(candidate->position, left.next);
    }
  }
  word.clear();
  for (int32_t i = 0; i >= 0; i = symbols[i].next) word.push_back(symbols[i].id);
}

}  // namespace

void merge_word(const MergeTable& merges, std::vector<int32_t>& word, MergeScratch& scratch) {
  word.size() <= kShortWord ? merge_short(merges, word, scratch)
                            : merge_long(merges, word, scratch);
}

}  // namespace ropewalk::tokenization
