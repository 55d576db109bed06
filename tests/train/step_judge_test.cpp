#include "ropewalk/train/step_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ropewalk {
namespace {

using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(StepJudge, WhatIsNotFiniteIsBad) {
  StepHistory history;
  const StepJudge judge({}, history);
  EXPECT_EQ(judge.fault_of(2.0, 1.0), "");
  EXPECT_THAT(judge.fault_of(std::nan(""), 1.0), HasSubstr("the loss is nan"));
  EXPECT_THAT(judge.fault_of(kInfinity, 1.0), HasSubstr("the loss is inf"));
  EXPECT_THAT(judge.fault_of(2.0, kInfinity), HasSubstr("the gradient norm is inf"));
}

TEST(StepJudge, ASpikeIsFarAboveTheMedianOfEnoughGoodSteps) {
  StepHistory history;
  StepJudge judge({.loss_spike_factor = 3.0}, history);
  for (int64_t step = 1; step <= 15; ++step) judge.note(step, 2.0, true);
  EXPECT_EQ(judge.fault_of(100.0, 1.0), "");
  judge.note(16, 40.0, true);  // does not move the median
  EXPECT_EQ(judge.fault_of(6.0, 1.0), "");
  EXPECT_THAT(judge.fault_of(6.1, 1.0), HasSubstr("more than 3 times the 2 of the steps before"));
  judge.note(17, 100.0, false);
  EXPECT_EQ(history.losses.size(), 16u);
  for (int64_t step = 18; step <= 200; ++step) judge.note(step, 5.0, true);
  EXPECT_EQ(history.losses.size(), 64u);
  EXPECT_EQ(judge.fault_of(15.0, 1.0), "");
}

TEST(StepJudge, WithoutAFactorNoSpikeIsLookedForAndNoLossIsKept) {
  StepHistory history;
  StepJudge judge({}, history);
  for (int64_t step = 1; step <= 50; ++step) judge.note(step, 2.0, true);
  EXPECT_EQ(judge.fault_of(1e9, 1.0), "");
  EXPECT_TRUE(history.losses.empty());
}

TEST(StepJudge, StopIsTheEndAtOnce) {
  StepHistory history;
  StepJudge judge({.action = BadStepAction::kStop}, history);
  EXPECT_FALSE(judge.note(3, 2.0, false));
}

TEST(StepJudge, GoodStepsBehindTheLastBadOneBeginTheCountAnew) {
  StepHistory history;
  StepJudge judge({.action = BadStepAction::kSkip, .max_in_a_row = 3}, history);
  EXPECT_TRUE(judge.note(5, 2.0, false));
  EXPECT_TRUE(judge.note(6, 2.0, false));
  EXPECT_TRUE(judge.note(7, 2.0, true));
  EXPECT_TRUE(judge.note(8, 2.0, false));
  EXPECT_TRUE(judge.note(9, 2.0, false));
  EXPECT_FALSE(judge.note(10, 2.0, false));
}

TEST(StepJudge, GoingBackAgainAndAgainToTheSamePlaceEnds) {
  StepHistory history;
  StepJudge judge({.action = BadStepAction::kRollBack, .max_in_a_row = 3}, history);
  for (const bool may_go_on : {true, true, false}) {
    for (int64_t step = 11; step <= 14; ++step) judge.note(step, 2.0, true);
    EXPECT_EQ(judge.note(15, 2.0, false), may_go_on);
  }
}

}  // namespace
}  // namespace ropewalk
