// tests/train/simulated_ranks_test.cpp compares these with what the engine sends.
#include "ropewalk/plan/sent_bytes.h"

#include <gmock/gmock.h>

#include "plan/plan_test_tools.h"
#include "ropewalk/spec/formulas.h"

namespace ropewalk::plan {
namespace {

RunShape fp32_shape(int64_t ranks, DataParallelKind kind) {
  RunShape shape = gpu_shape(ranks, 1024);
  shape.precision = Precision::kFp32;
  shape.parallel.data_parallel = kind;
  return shape;
}

int64_t total_of(const RunShape& shape) {
  return sent_bytes(spec_from(small_llama()), shape).total();
}

TEST(SentBytes, CountsThatNoJobHasDoNotOverflow) {
  for (const auto kind : {DataParallelKind::kFsdp, DataParallelKind::kZero2}) {
    RunShape shape = fp32_shape(8, kind);
    shape.parallel.context_parallel = 2;
    shape.global_batch_size = int64_t{1} << 62;
    EXPECT_GT(total_of(shape), int64_t{1} << 50);
  }
}

TEST(SentBytes, OfKindsAreThoseOfTheirCollectives) {
  const int64_t bytes = 4 * parameter_count(spec_from(small_llama()));
  EXPECT_EQ(total_of(fp32_shape(2, DataParallelKind::kDdp)), 2 * bytes / 2);
  RunShape shape = fp32_shape(2, DataParallelKind::kZero2);
  shape.global_batch_size = 6;  // three micro-steps, each reduced; gathered once
  EXPECT_EQ(total_of(shape), (3 + 1) * bytes / 2);
  shape.parallel.data_parallel = DataParallelKind::kZero1;
  EXPECT_EQ(total_of(shape), 2 * bytes / 2);
  // The root is gathered once, the last of three blocks once a micro-step and the others twice.
  shape.parallel.data_parallel = DataParallelKind::kFsdp;
  const int64_t root = 4 * (2 * 1000 * 64 + 64), block = (bytes - root) / 3;
  EXPECT_EQ(total_of(shape), (root + 3 * 5 * block + 3 * bytes) / 2);
  EXPECT_EQ(total_of(fp32_shape(1, DataParallelKind::kFsdp)), 0);
}

TEST(SentBytes, GradientsMayBeReducedInBf16) {
  RunShape shape = fp32_shape(4, DataParallelKind::kZero2);
  const int64_t wide = total_of(shape);
  shape.parallel.reduce_dtype = ReduceDtype::kBf16;
  EXPECT_EQ(4 * total_of(shape), 3 * wide);
}

TEST(SentBytes, ShardsBeginAtMultiplesOf32Numbers) {
  // A block: 43,136 numbers, 674 for each of 64 ranks; 704 are sent.
  const DecoderSpec spec = spec_from(small_llama());
  const int64_t root = 128064, block = (parameter_count(spec) - root) / 3;
  const auto padded = [](int64_t count) { return (count + 64 * 32 - 1) / (64 * 32) * 32; };
  EXPECT_EQ(total_of(fp32_shape(64, DataParallelKind::kZero2)),
            2 * 4 * 63 * (padded(root) + 3 * padded(block)));
}

TEST(SentBytes, CopiesOfTheStateSumTheirShards) {
  RunShape shape = fp32_shape(8, DataParallelKind::kZero2);
  shape.parallel.shard_size = 2;
  const SentBytes sent = sent_bytes(spec_from(small_llama()), shape);
  const int64_t bytes = 4 * parameter_count(spec_from(small_llama()));
  EXPECT_EQ(sent.parameters, 2 * bytes / 2);
  EXPECT_EQ(sent.copies, 2 * (bytes / 2) * 3 / 4);
}

class AttentionBytes : public testing::Test {
 protected:
  int64_t sent(ContextParallelMethod method, Recompute recompute = Recompute::kNone) {
    RunShape shape = fp32_shape(4, DataParallelKind::kDdp);
    shape.global_batch_size = 1;
    shape.parallel.context_parallel = 4;
    shape.parallel.context_parallel_method = method;
    shape.parallel.recompute = recompute;
    return sent_bytes(spec_from(small_llama()), shape).attention;
  }
  // 256 tokens, 3 layers; keys and values of 2 heads of 16.
  static constexpr int64_t kTokens = 256 * 3, kKeysValues = 2 * 2 * 16 * 4;
};

TEST_F(AttentionBytes, OfTheRingAreKeysAndValuesToThreeNeighboursAndGradientsAllTheWay) {
  EXPECT_EQ(sent(ContextParallelMethod::kRing), kTokens * kKeysValues * (2 * 3 + 4));
  EXPECT_EQ(sent(ContextParallelMethod::kRing, Recompute::kSelective),
            sent(ContextParallelMethod::kRing));
  EXPECT_EQ(sent(ContextParallelMethod::kRing, Recompute::kBlock),
            kTokens * kKeysValues * (3 * 3 + 4));
}

TEST_F(AttentionBytes, OfUlyssesAreAllHeadsThereAndBack) {
  // Both heads of keys and values are there twice, one for each of the 4 ranks.
  const int64_t heads = (2 * 4 * 16) * 4 + 2 * kKeysValues;
  EXPECT_EQ(sent(ContextParallelMethod::kUlysses), kTokens * 2 * heads * 3 / 4);
}

}  // namespace
}  // namespace ropewalk::plan
