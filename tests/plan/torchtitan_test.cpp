// The published memory of another program: torchtitan, Llama-3.1-8B on 8 H100 with FSDP and bf16
// (benchmarks/llama3_h100_202412_torchtitan.md). What it does otherwise is put in here:
// * its logits exist for all tokens at once: a chunk as long as the micro-batch;
// * they are bf16, and fp32 as cast, as log-softmax and as its gradient: 14 bytes a number;
// * its selective recompute keeps the result of every second product and of attention
//   (torchtitan's apply_ac, op-level with `mm` counted).
#include <gmock/gmock.h>

#include "plan/plan_test_tools.h"
#include "ropewalk/plan/step_time.h"

namespace ropewalk::plan {
namespace {

constexpr double kGiB = 1073741824.0;

RunShape published_shape(int64_t length, int64_t local_batch) {
  RunShape shape = gpu_shape(8, length);
  shape.global_batch_size = 8 * local_batch;
  shape.micro_batch_size = local_batch;
  shape.parallel.data_parallel = DataParallelKind::kFsdp;
  shape.parallel.recompute = Recompute::kBlock;
  return shape;
}

double with_whole_logits(const RunShape& shape) {
  UseBytes bytes = at(MemoryModel(llama_8b()).plan(shape), Moment::kLoss);
  of(bytes, Use::kLogits) = shape.tokens() * 128256 * 14;
  return static_cast<double>(total(bytes)) / kGiB;
}

TEST(Torchtitan, FullRecomputeAt32768TokensIsAsPublished) {
  EXPECT_NEAR(with_whole_logits(published_shape(32768, 1)) / 83.9, 1.0, 0.15);
}

TEST(Torchtitan, SelectiveRecomputeAtTwoSequencesOf8192IsAsPublished) {
  const RunShape shape = published_shape(8192, 2);
  // Of q, k, v, output, gate, up, down every second; and attention's result with its totals.
  const int64_t products = 4096 + 1024 + 14336 + 4096;
  const int64_t kept = 32 * shape.tokens() * (2 * (products + 4096) + 4 * 32);
  EXPECT_NEAR((with_whole_logits(shape) + static_cast<double>(kept) / kGiB) / 82.4, 1.0, 0.15);
}

TEST(Torchtitan, ChunksOfTheLossTakeATenthOfWholeLogits) {
  const RunShape shape = published_shape(32768, 1);
  const UseBytes bytes = at(MemoryModel(llama_8b()).plan(shape), Moment::kLoss);
  EXPECT_LT(of(bytes, Use::kLogits) * 10, shape.tokens() * 128256 * 14);
}

// 5,762 tokens/s a GPU, 6,667 compiled.
TEST(Torchtitan, StepTimeIsNearThePublishedThroughput) {
  RunShape shape = published_shape(8192, 2);
  shape.parallel.recompute = Recompute::kSelective;
  const StepTime time = plan_step_time(llama_8b(), shape, *find_hardware("h100"));
  EXPECT_GT(time.tokens_per_second / 8, 5762 * 0.8);
  EXPECT_LT(time.tokens_per_second / 8, 6667 * 1.2);
}

}  // namespace
}  // namespace ropewalk::plan
