#include "launch/watchdog.h"

#include <gmock/gmock.h>

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Two ranks and a clock that the test turns. Ranks show signs of life unless a test stops them.
class WatchdogTest : public testing::Test {
 protected:
  void limits(double hang_s, double first_steps_s) {
    watchdog_ = Watchdog({.hang_s = hang_s, .first_steps_s = first_steps_s});
  }

  // Both ranks finish a step every `length_s`.
  void steps(int count, double length_s) {
    for (int i = 0; i < count; ++i) {
      for (auto& rank : ranks_) {
        ++rank->step;
        ++rank->changes;
        rank->step_s = length_s;
        rank->phase = Phase::kComputing;
      }
      EXPECT_FALSE(culprit_after(length_s));
    }
  }

  // Looks as often as it wants to, for so long or until there is a culprit.
  std::optional<size_t> culprit_after(double seconds, bool all_ranks = true) {
    for (const auto until = now_ + to_duration(seconds); now_ < until;) {
      now_ += to_duration(*watchdog_.period_s());
      for (size_t i = 0; i < ranks_.size(); ++i) {
        if (ranks_[i] && i != frozen_) ++ranks_[i]->beats;
      }
      if (const auto culprit = watchdog_.look(now_, ranks_, all_ranks)) return culprit;
    }
    return std::nullopt;
  }

  static Clock::duration to_duration(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }

  static RankState begun() {
    RankState state;
    state.begun = true;
    state.phase = Phase::kLoading;
    return state;
  }

  Watchdog watchdog_{{.hang_s = 10, .first_steps_s = 100}};
  Clock::time_point now_;
  std::vector<std::optional<RankState>> ranks_ = {begun(), begun()};
  size_t frozen_ = 99;
};

TEST_F(WatchdogTest, ARankWithoutASignOfLifeIsFoundWithinTheLimitInAnyPhase) {
  for (const Phase phase :
       {Phase::kLoading, Phase::kComputing, Phase::kSaving, Phase::kEvaluating}) {
    limits(10, 100);
    frozen_ = 99;
    ranks_ = {begun(), begun()};
    culprit_after(1);
    ranks_[1]->phase = phase;
    ranks_[0]->waits = true;
    frozen_ = 1;
    EXPECT_EQ(culprit_after(10), 1u) << describe(phase);
    EXPECT_THAT(watchdog_.fault_of(1, now_), HasSubstr("is frozen: no sign of life for 8"));
  }
}

TEST_F(WatchdogTest, ARankThatStandsStillWithinAStepIsFoundWithinTheLimit) {
  steps(5, 1);
  ++ranks_[1]->changes;
  ranks_[1]->phase = Phase::kWaitingForData;
  ranks_[0]->waits = true;
  EXPECT_EQ(culprit_after(10), 1u);
  EXPECT_THAT(
      watchdog_.fault_of(1, now_),
      AllOf(HasSubstr("is hung: in step 6 (waiting for data)"), HasSubstr("unchanged for 9")));
  EXPECT_THAT(watchdog_.describe_rank(0, now_), HasSubstr("waits for other ranks"));
}

TEST_F(WatchdogTest, LongStepsMakeTheLimitFiveOfTheirMedian) {
  steps(5, 8);
  EXPECT_FALSE(culprit_after(25));
  EXPECT_TRUE(culprit_after(15));
}

TEST_F(WatchdogTest, TheFirstStepsHaveALimitOfTheirOwn) {
  ranks_[0]->phase = ranks_[1]->phase = Phase::kComputing;
  EXPECT_FALSE(culprit_after(80));
  EXPECT_TRUE(culprit_after(20));
  limits(10, 0);
  EXPECT_FALSE(culprit_after(1000));
}

TEST_F(WatchdogTest, LoadingSavingAndEvaluatingMayLast) {
  steps(5, 1);
  for (const Phase phase : {Phase::kLoading, Phase::kSaving, Phase::kEvaluating, Phase::kEnding}) {
    ranks_[0]->phase = ranks_[1]->phase = phase;
    EXPECT_FALSE(culprit_after(100)) << describe(phase);
  }
  // Whoever waits for a rank that saves is not hung.
  ranks_[0]->phase = Phase::kComputing;
  ranks_[0]->waits = true;
  ranks_[1]->phase = Phase::kSaving;
  EXPECT_FALSE(culprit_after(100));
}

TEST_F(WatchdogTest, OfRanksThatAllWaitTheLeastAdvancedIsNamed) {
  steps(5, 1);
  ranks_[0]->waits = ranks_[1]->waits = true;
  ++ranks_[0]->step;
  EXPECT_FALSE(culprit_after(9.5, /*all_ranks=*/false)) << "they may wait for another machine";
  EXPECT_EQ(culprit_after(1), 1u);
}

TEST_F(WatchdogTest, AFrozenRankIsNamedBeforeOneThatStandsStill) {
  steps(5, 1);
  frozen_ = 0;
  for (int i = 0; i < 30; ++i) culprit_after(0.25);
  ranks_[1]->phase = Phase::kWaitingForData;
  EXPECT_EQ(culprit_after(3), 0u);
}

TEST_F(WatchdogTest, ATimeInWhichNobodyLookedDoesNotCount) {
  steps(5, 1);
  now_ += to_duration(1000);
  EXPECT_FALSE(culprit_after(8));
  EXPECT_TRUE(culprit_after(2));
}

TEST_F(WatchdogTest, RanksThatHaveEndedOrTellNothingAreLeftAlone) {
  steps(5, 1);
  ranks_[0].reset();
  ranks_[1]->begun = false;
  EXPECT_FALSE(culprit_after(1000));
}

TEST_F(WatchdogTest, NothingIsFoundWithoutALimit) {
  limits(0, 100);
  EXPECT_FALSE(watchdog_.period_s());
  EXPECT_FALSE(watchdog_.look(now_, ranks_, true));
}

}  // namespace
}  // namespace ropewalk
