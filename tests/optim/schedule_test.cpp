#include "ropewalk/optim/schedule.h"

#include <gtest/gtest.h>

namespace ropewalk {
namespace {

TEST(Schedule, ConstantUsesTheBaseRateAtEveryStep) {
  const ScheduleConfig config{.type = ScheduleType::kConstant, .warmup_steps = 0};
  EXPECT_EQ(learning_rate_at(config, 2e-5, 0, 10), 2e-5);
  EXPECT_EQ(learning_rate_at(config, 2e-5, 9, 10), 2e-5);
}

TEST(Schedule, WarmUpOfTwentyStepsStartsAtATenthAndReachesTheBaseRateAtStepTwenty) {
  const ScheduleConfig config{
      .type = ScheduleType::kConstant, .warmup_steps = 20, .warmup_start_fraction = 0.1};
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 1.0, 0, 1000), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 1.0, 10, 1000), 0.55);
  EXPECT_LT(learning_rate_at(config, 1.0, 19, 1000), 1.0);
  EXPECT_EQ(learning_rate_at(config, 1.0, 20, 1000), 1.0);
}

TEST(Schedule, LinearFallsToTheFinalFractionOneStepAfterTheLast) {
  const ScheduleConfig config{
      .type = ScheduleType::kLinear, .warmup_steps = 10, .final_fraction = 0.2};
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 1.0, 10, 110), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 1.0, 60, 110), 0.6);
  EXPECT_GT(learning_rate_at(config, 1.0, 109, 110), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 1.0, 110, 110), 0.2);
}

TEST(Schedule, CosineIsHalfwayBetweenBaseAndFinalAtItsMiddle) {
  const ScheduleConfig config{
      .type = ScheduleType::kCosine, .warmup_steps = 10, .final_fraction = 0.1};
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 2.0, 10, 110), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 2.0, 60, 110), 1.1);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 2.0, 110, 110), 0.2);
}

TEST(Schedule, RunsShorterThanTheWarmUpAndStepsBeyondTheEndAreDefined) {
  const ScheduleConfig config{
      .type = ScheduleType::kCosine, .warmup_steps = 20, .final_fraction = 0.1};
  EXPECT_LT(learning_rate_at(config, 1.0, 4, 5), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 1.0, 400, 100), 0.1);
}

}  // namespace
}  // namespace ropewalk
