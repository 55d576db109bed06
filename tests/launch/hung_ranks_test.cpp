// Ranks that tell what they do and then do nothing more.
#include <gmock/gmock.h>

#include <filesystem>

#include "launch/running_agent.h"
#include "ropewalk/launch/local_agent.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Long enough for a machine that has much else to do.
constexpr double kLimit_s = 3;

AgentOptions watched_ranks(int count) {
  AgentOptions options;
  options.num_ranks = count;
  options.hang = {.hang_s = kLimit_s, .first_steps_s = kLimit_s};
  return options;
}

std::string rank_tool() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "ropewalk_rank_tool";
}

// A script in which each rank does what its words for the tool say.
std::string ranks_that_do(const std::string& rank0, const std::string& rank1) {
  return "if [ $ROPEWALK_RANK = 0 ]; then exec " + rank_tool() + " " + rank0 + "; else exec " +
         rank_tool() + " " + rank1 + "; fi";
}

TEST(HungRanks, AStoppedRankIsNamedWithItsPlaceAndEndsAll) {
  RunningAgent agent(
      ranks_that_do("step 17 phase computing wait stand", "step 17 phase computing say ready stop"),
      watched_ranks(2));
  ASSERT_TRUE(agent.reach_line("ready"));
  EXPECT_THAT(agent.rest(),
              AllOf(HasSubstr(") is frozen: no sign of life for "),
                    HasSubstr("rank 1 (process "),
                    HasSubstr("in step 18 (forward and backward); the process is stopped (SIGSTOP"),
                    HasSubstr("): in step 18 (forward and backward), waits for other ranks")));
  EXPECT_EQ(agent.exit_code(), kExitFailure);
}

TEST(HungRanks, ARankThatStandsStillWithinAStepIsNamedAndEndsAll) {
  RunningAgent agent(ranks_that_do("step 2 phase computing wait stand", "step 2 phase data stand"),
                     watched_ranks(2));
  EXPECT_THAT(agent.rest(),
              AllOf(HasSubstr(") is hung: in step 3 (waiting for data), unchanged for "),
                    HasSubstr("ending all ranks (--hang-limit)")));
  // Both end well once they are told to: that they were hung is a failure all the same.
  EXPECT_EQ(agent.exit_code(), kExitFailure);
}

TEST(HungRanks, WithoutALimitTheyAreWaitedFor) {
  AgentOptions options = watched_ranks(2);
  options.hang.hang_s = 0;
  RunningAgent agent(ranks_that_do("step 2 phase computing say ready stand exit 75",
                                   "step 2 phase computing say ready stand exit 75"),
                     options);
  for (int rank = 0; rank < 2; ++rank) ASSERT_TRUE(agent.reach_line("ready"));
  ::kill(agent.pid(), SIGTERM);
  EXPECT_THAT(agent.rest(), Not(HasSubstr("hung")));
  EXPECT_EQ(agent.exit_code(), kExitStopped);
}

TEST(StartingRanks, AStopSignalThatComesBeforeTheyAreReadyIsNotLost) {
  AgentOptions options = watched_ranks(1);
  options.starts_with_stop_signals_blocked = true;
  options.command = {rank_tool(), "late", "stand", "exit", "75"};
  RunningAgent agent("", options);
  ASSERT_TRUE(agent.reach_line("late"));
  ::kill(agent.pid(), SIGUSR1);
  EXPECT_EQ(agent.exit_code(), kExitStopped);
}

}  // namespace
}  // namespace ropewalk
