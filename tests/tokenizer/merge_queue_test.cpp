#include "tokenizer/bpe/merge_queue.h"

#include <gtest/gtest.h>

#include <set>

namespace ropewalk::tokenization {
namespace {

class Numbers {
 public:
  uint32_t below(uint32_t limit) {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<uint32_t>(state_ >> 33) % limit;
  }

 private:
  uint64_t state_ = 1;
};

TEST(MergeQueue, GivesTheLowestRankThenTheLeftmostWheneverCandidatesCame) {
  MergeQueue queue;
  std::multiset<std::pair<uint32_t, int32_t>> expected;
  Numbers numbers;
  const auto push = [&](uint32_t rank, int32_t position) {
    queue.push({rank, position});
    expected.emplace(rank, position);
  };
  for (int round = 0; round < 200; ++round) {
    const uint32_t num_ranks = 1 + numbers.below(40);
    for (int i = 0; i < 100; ++i) push(numbers.below(num_ranks), numbers.below(1000));
    while (const auto next = queue.pop()) {
      ASSERT_FALSE(expected.empty());
      const std::pair<uint32_t, int32_t> found(next->rank, next->position);
      ASSERT_EQ(found, *expected.begin());
      expected.erase(expected.begin());
      // Of lower, equal and higher rank than the open one.
      if (numbers.below(3) == 0) push(numbers.below(num_ranks), numbers.below(1000));
    }
    ASSERT_TRUE(expected.empty());
  }
}

}  // namespace
}  // namespace ropewalk::tokenization
