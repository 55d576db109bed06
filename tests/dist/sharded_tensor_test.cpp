#include "ropewalk/dist/sharded_tensor.h"

#include <ATen/ATen.h>

#include "dist/rank_bodies.h"

namespace ropewalk::dist {
namespace {

TEST(ShardedTensor, WholeIsItself) {
  const at::Tensor values = at::arange(6).view({2, 3});
  const ShardedTensor whole(values);
  EXPECT_TRUE(whole.is_whole());
  EXPECT_EQ(whole.range(), (ElementRange{0, 6}));
  EXPECT_TRUE(whole.gather().is_alias_of(values));
  EXPECT_TRUE(whole.gather({2, 5}).equal(at::arange(2, 5)));
}

// A buffer of 3 shards of 4: [0, 3) is another tensor, then one of 7, then 2 of padding.
RANK_BODY(gathers_what_is_spread) {
  const std::vector<ElementRange> ranges = {{0, 1}, {1, 5}, {5, 7}};
  const ElementRange own = ranges[static_cast<size_t>(group.rank())];
  const at::Tensor values = at::arange(7, at::kFloat);
  at::Tensor local = values.slice(0, own.begin, own.end).clone();
  const ShardedTensor tensor({7, 1}, {.offset = 3, .shard_numel = 4}, local, borrow(group));
  for (int rank = 0; rank < 3; ++rank) {
    EXPECT_EQ(tensor.range_of(rank), ranges[static_cast<size_t>(rank)]);
  }
  EXPECT_EQ(tensor.range(), own);
  EXPECT_TRUE(tensor.gather().equal(values.view({7, 1})));
  for (const ElementRange part : {ElementRange{0, 7}, {0, 1}, {2, 4}, {3, 7}, {4, 4}}) {
    EXPECT_TRUE(tensor.gather(part).equal(values.slice(0, part.begin, part.end)));
  }
  local.neg_();  // live
  EXPECT_TRUE(tensor.gather().equal(-values.view({7, 1})));
  EXPECT_TRUE(tensor.with_local(local * 2).gather().equal(-2 * values.view({7, 1})));

  // All of it on the middle rank.
  const int64_t count = group.rank() == 1 ? 2 : 0;
  const ShardedTensor small({2}, {.offset = 5, .shard_numel = 4}, at::ones({count}), borrow(group));
  EXPECT_TRUE(small.gather().equal(at::ones({2})));
}

TEST(ShardedTensor, IsGatheredFromTheRanksThatHoldIt) {
  expect_ranks_pass("gathers_what_is_spread", 3);
}

}  // namespace
}  // namespace ropewalk::dist
