// Byte-pair merges over the symbols of one word: the pair of lowest rank first, the leftmost among
// equals, until no pair is in the table.
#pragma once

#include <cstdint>
#include <vector>

#include "tokenizer/bpe/merge_queue.h"

namespace ropewalk::tokenization {

// The merge table: (left id, right id) -> rank and resulting id, by open addressing.
class MergeTable {
 public:
  struct Merge {
    uint32_t rank = 0;
    int32_t id = 0;
  };
  void reserve(size_t count);
  void insert(int32_t left, int32_t right, Merge merge);  // a later entry of a pair wins
  const Merge* find(int32_t left, int32_t right) const;

 private:
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };
  static constexpr uint64_t kEmpty = ~0ull;
  size_t slot_of(uint64_t key) const { return (key * 0x9E3779B97F4A7C15ull) >> shift_; }

  std::vector<Slot> slots_;
  unsigned shift_ = 64;
};

struct MergeScratch {
  struct Symbol {
    int32_t id;        // -1: it is part of the one before
    int32_t previous;  // index, -1 at the begin
    int32_t next;      // index, -1 at the end
  };
  std::vector<uint32_t> ranks;
  std::vector<int32_t> merged;
  std::vector<Symbol> symbols;
  MergeQueue queue;
};

// Merges `word`, ids of symbols, in place; in linear time, but for what the queue sorts.
void merge_word(const MergeTable& merges, std::vector<int32_t>& word, MergeScratch& scratch);

}  // namespace ropewalk::tokenization
