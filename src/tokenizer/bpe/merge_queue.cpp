#include "tokenizer/bpe/merge_queue.h"

#include <algorithm>
#include <functional>

namespace ropewalk::tokenization {
namespace {

bool later(const MergeQueue::Candidate& a, const MergeQueue::Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
}

}  // namespace

void MergeQueue::push(Candidate candidate) {
  if (candidate.rank <= open_) {
    late_.push_back(candidate);
    std::push_heap(late_.begin(), late_.end(), later);
    return;
  }
  if (candidate.rank >= last_entries_.size()) last_entries_.resize(candidate.rank + 1, kNone);
  uint32_t& last = last_entries_[candidate.rank];
  if (last == kNone) {
    waiting_.push_back(candidate.rank);
    std::push_heap(waiting_.begin(), waiting_.end(), std::greater<>());
  }
  entries_.push_back({candidate.position, last});
  last = static_cast<uint32_t>(entries_.size() - 1);
}

void MergeQueue::open_rank(uint32_t rank) {
  open_ = rank;
  num_given_ = 0;
  positions_.clear();
  for (uint32_t i = last_entries_[rank]; i != kNone; i = entries_[i].before) {
    positions_.push_back(entries_[i].position);
  }
  last_entries_[rank] = kNone;
  std::reverse(positions_.begin(), positions_.end());
  if (!std::is_sorted(positions_.begin(), positions_.end())) {
    std::sort(positions_.begin(), positions_.end());
  }
}

bool MergeQueue::late_is_next() const {
  if (late_.empty()) return false;
  return num_given_ == positions_.size() || late_.front().rank < open_ ||
         late_.front().position < positions_[num_given_];
}

std::optional<MergeQueue::Candidate> MergeQueue::pop() {
  if (late_is_next()) {
    const Candidate next = late_.front();
    std::pop_heap(late_.begin(), late_.end(), later);
    late_.pop_back();
    return next;
  }
  if (num_given_ == positions_.size()) {
    if (waiting_.empty()) {
      entries_.clear();
      open_ = -1;
      return std::nullopt;
    }
    const uint32_t rank = waiting_.front();
    std::pop_heap(waiting_.begin(), waiting_.end(), std::greater<>());
    waiting_.pop_back();
    open_rank(rank);
  }
  return Candidate{static_cast<uint32_t>(open_), positions_[num_given_++]};
}

}  // namespace ropewalk::tokenization
