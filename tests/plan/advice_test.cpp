#include "ropewalk/plan/advice.h"

#include <gmock/gmock.h>

#include "plan/plan_test_tools.h"
#include "ropewalk/spec/formulas.h"

namespace ropewalk::plan {
namespace {

Limits h100(int64_t gib = 79) { return {*find_hardware("h100"), gib << 30}; }

TEST(Advice, WhatFitsAndIsFastestIsLeftAsItIs) {
  RunShape shape = gpu_shape(8, 1024);
  shape.parallel.data_parallel = DataParallelKind::kFsdp;
  const auto advice = cheapest_that_fits(llama_8b(), shape, h100());
  ASSERT_TRUE(advice);
  EXPECT_LE(advice->memory.peak_bytes(), h100().memory_bytes);
  EXPECT_LE(advice->time.step_s, plan_step_time(llama_8b(), shape, h100().hardware).step_s);
}

TEST(Advice, AModelTooLargeForOneRankIsShared) {
  RunShape shape = gpu_shape(8, 8192);
  ASSERT_GT(MemoryModel(llama_8b()).plan(shape).peak_bytes(), h100().memory_bytes);
  const auto advice = cheapest_that_fits(llama_8b(), shape, h100());
  ASSERT_TRUE(advice);
  EXPECT_LE(advice->memory.peak_bytes(), h100().memory_bytes);
  EXPECT_NE(advice->shape.parallel.data_parallel, DataParallelKind::kDdp);
  EXPECT_EQ(advice->changes.front().first, "parallel.data_parallel");
}

TEST(Advice, LessMemoryNeverMakesTheStepFaster) {
  RunShape shape = gpu_shape(8, 32768);
  double last_s = 0.0;
  for (const int64_t gib : {140, 79, 60, 44, 32}) {
    const auto advice = cheapest_that_fits(llama_8b(), shape, h100(gib));
    if (!advice) continue;
    EXPECT_GE(advice->time.step_s, last_s);
    last_s = advice->time.step_s;
  }
  EXPECT_GT(last_s, 0.0);
}

TEST(Advice, OtherSettingsLeaveMemoryFreeAndTheGivenOnesNeedNot) {
  RunShape shape = gpu_shape(8, 8192);
  shape.parallel.data_parallel = DataParallelKind::kFsdp;
  shape.parallel.recompute = Recompute::kBlock;
  Limits limits = h100();
  limits.memory_bytes = MemoryModel(llama_8b()).plan(shape).peak_bytes();
  const auto advice = cheapest_that_fits(llama_8b(), shape, limits);
  ASSERT_TRUE(advice);
  if (!advice->changes.empty()) {
    EXPECT_LE(static_cast<double>(advice->memory.peak_bytes()),
              0.95 * static_cast<double>(limits.memory_bytes));
  }
  limits.memory_bytes -= 1;
  const auto other = cheapest_that_fits(llama_8b(), shape, limits);
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->changes.empty());
  EXPECT_LE(static_cast<double>(other->memory.peak_bytes()),
            0.95 * static_cast<double>(limits.memory_bytes));
}

TEST(Advice, WithoutASolutionTheRanksThatWouldDoAreFound) {
  RunShape shape = gpu_shape(1, 8192);
  EXPECT_FALSE(cheapest_that_fits(llama_8b(), shape, h100(40)));
  const auto ranks = ranks_that_fit(llama_8b(), shape, h100(40));
  ASSERT_TRUE(ranks);
  EXPECT_GT(*ranks, 1);
  EXPECT_FALSE(ranks_that_fit(llama_8b(), shape, h100(1)));
}

TEST(Advice, OnCpusNothingIsOffloaded) {
  RunShape shape = gpu_shape(2, 4096);
  shape.device = Device::kCpu;
  shape.precision = Precision::kFp32;
  const auto advice =
      cheapest_that_fits(llama_8b(), shape, {*find_hardware("cpu"), int64_t{256} << 30});
  ASSERT_TRUE(advice);
  EXPECT_FALSE(advice->shape.parallel.offload_optimizer);
  EXPECT_FALSE(advice->shape.parallel.offload_block_inputs);
}

TEST(StepTime, RecomputationCostsAThirdOfTheProducts) {
  RunShape shape = gpu_shape(8, 8192);
  const Hardware hardware = *find_hardware("h100");
  const double none = plan_step_time(llama_8b(), shape, hardware).flops;
  shape.parallel.recompute = Recompute::kSelective;
  const double selective = plan_step_time(llama_8b(), shape, hardware).flops;
  shape.parallel.recompute = Recompute::kBlock;
  const double block = plan_step_time(llama_8b(), shape, hardware).flops;
  EXPECT_GT(selective, none);
  EXPECT_GT(block, selective);
  EXPECT_NEAR(block / none, 4.0 / 3.0, 0.03);
  EXPECT_DOUBLE_EQ(none, flops_per_token(llama_8b(), 8192).total() * 8192);
}

}  // namespace
}  // namespace ropewalk::plan
