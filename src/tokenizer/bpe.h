// Byte-pair merges over the bytes of one word: the pair of lowest rank first, the leftmost among
// equals, until no pair is in the table.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "tokenizer/tokenizer_file.h"

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

// Ids of short words met before. Direct-mapped: a newcomer takes the place of what was there.
class WordCache {
 public:
  static constexpr size_t kMaxBytes = 23;
  static constexpr size_t kMaxIds = 9;
  struct Slot {
    std::array<uint64_t, 3> key{};  // bytes, zero-padded; last byte = length
    std::array<int32_t, kMaxIds> ids;
    int32_t num_ids;
  };

  WordCache() : slots_(kSlots) {}
  // The slot of a word of 1..kMaxBytes bytes; `hit` says whether it holds that word's ids. On a
  // miss the key is set already and the caller fills in the ids or calls forget.
  Slot& lookup(std::string_view word, bool& hit);
  static void forget(Slot& slot) { slot.key = {}; }

 private:
  static constexpr size_t kSlots = 1 << 15;
  std::vector<Slot> slots_;
};

struct BpeScratch {
  struct Symbol {
    int32_t id;
    int32_t previous;  // index, -1 at the begin
    int32_t next;      // index, -1 at the end
    bool alive;
  };
  struct Candidate {
    uint32_t rank;
    int32_t position;
    int32_t id;
  };
  WordCache cache;
  std::vector<int32_t> word;
  std::vector<uint32_t> ranks;
  std::vector<int32_t> merged;
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
};

class Bpe {
 public:
  // Faults go to `diagnostics`; the object is usable only when there are none.
  Bpe(const TokenizerFile& file, Diagnostics& diagnostics);

  void encode_word(std::string_view bytes, BpeScratch& scratch, std::vector<int32_t>& ids) const;
  std::optional<int32_t> find(const std::string& token) const;
  const std::unordered_map<std::string, int32_t>& vocab() const { return vocab_; }

 private:
  void read_vocab(const TokenizerFile& file, Diagnostics& diagnostics);
  void read_options(const Json& model, Diagnostics& diagnostics);
  void read_merges(const TokenizerFile& file, Diagnostics& diagnostics);
  void read_bytes(const Json& model, Diagnostics& diagnostics);
  void start_symbols(std::string_view bytes, std::vector<int32_t>& word) const;
  void merge_short(BpeScratch& scratch) const;
  void merge_long(BpeScratch& scratch) const;
  bool add_candidate(BpeScratch& scratch, int32_t left, int32_t right) const;

  std::unordered_map<std::string, int32_t> vocab_;        // as the file writes tokens
  std::unordered_map<std::string, int32_t> whole_words_;  // by bytes; ignore_merges only
  std::array<int32_t, 256> byte_ids_;                     // -1: the vocabulary lacks it
  std::optional<int32_t> unknown_id_;
  bool fuse_unknown_ = false;
  bool ignore_merges_ = false;
  MergeTable merges_;
};

}  // namespace ropewalk::tokenization
