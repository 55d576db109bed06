// Candidates for merging within a long word, the lowest rank first, then the leftmost.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace ropewalk::tokenization {

// One list for each rank, sorted when its turn comes. A long word has many candidates of few ranks,
// and those of one rank come nearly in order, so that memory is walked through rather than jumped
// about in, as a heap of all candidates would. One thread at a time.
class MergeQueue {
 public:
  struct Candidate {
    uint32_t rank;
    int32_t position;
  };
  // Fewer than 2^32 in all until pop() has given everything back.
  void push(Candidate candidate);
  // Nothing when it is empty.
  std::optional<Candidate> pop();

 private:
  static constexpr uint32_t kNone = ~0u;
  struct Entry {
    int32_t position;
    uint32_t before;  // index of the rank's entry that came before, or kNone
  };
  void open_rank(uint32_t rank);
  // Whether the next candidate is one of late_.
  bool late_is_next() const;

  std::vector<Entry> entries_;
  std::vector<uint32_t> last_entries_;  // of each rank, an index or kNone
  std::vector<uint32_t> waiting_;       // ranks that have entries, as a heap
  int64_t open_ = -1;                   // the rank whose positions are being given out
  std::vector<int32_t> positions_;      // of the open rank, ascending
  size_t num_given_ = 0;                // of positions_
  std::vector<Candidate> late_;  // that came when their turn was over or had begun, as a heap
};

}  // namespace ropewalk::tokenization
