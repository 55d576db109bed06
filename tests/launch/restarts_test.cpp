// Ranks that fail and are started again, on one machine and on several.
#include <gmock/gmock.h>

#include <filesystem>

#include "launch/running_agent.h"
#include "ropewalk/base/text.h"
#include "ropewalk/launch/local_agent.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Restarts : public testing::Test {
 protected:
  static AgentOptions restarted(int max_restarts, int num_ranks = 2) {
    AgentOptions options;
    options.num_ranks = num_ranks;
    options.restart.max_restarts = max_restarts;
    options.restart.pause_s = 0;
    return options;
  }

  // Ranks of a later attempt say which of the commands they are.
  static void set_commands(AgentOptions& options) {
    options.restart.command_after_step = {"/bin/sh", "-c", kSay, "sh", "after-step"};
    options.restart.command_after_save = {"/bin/sh", "-c", kSay, "sh", "after-save"};
  }

  static constexpr const char* kSay =
      "[ $ROPEWALK_RANK = 0 ] && echo $1 attempt $ROPEWALK_RESTART; exit 0";
  const std::string tool_ =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "ropewalk_rank_tool";
};

TEST_F(Restarts, AFailureStartsAllRanksAgainWithItsReason) {
  RunningAgent agent(
      "echo rank $ROPEWALK_RANK attempt $ROPEWALK_RESTART\n"
      "[ $ROPEWALK_RESTART = 2 ] && exit 0\n"
      "[ $ROPEWALK_RANK = 1 ] && exit 3\n"
      "exec sleep 1000",
      restarted(3));
  EXPECT_THAT(agent.rest(),
              AllOf(HasSubstr("restart 1 of 3: rank 1 (process "),
                    HasSubstr(") ended with exit code 3\n"),
                    HasSubstr("restart 2 of 3: "),
                    Not(HasSubstr("restart 3 of 3")),
                    HasSubstr("rank 0 attempt 2"),
                    HasSubstr("rank 1 attempt 2")));
  EXPECT_EQ(agent.exit_code(), kExitDone);
}

TEST_F(Restarts, EachAttemptHasAPortAndANonceOfItsOwn) {
  RunningAgent agent(
      "echo $ROPEWALK_STORE_PORT $ROPEWALK_JOB_NONCE; exit $(( 1 - ROPEWALK_RESTART ))",
      restarted(1, 1));
  std::vector<std::vector<std::string>> told;
  for (const std::string& line : split(agent.rest(), '\n')) {
    const auto words = split(line, ' ');
    if (words.size() == 2) told.push_back(words);
  }
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0][1].size(), 32u);
  EXPECT_NE(told[0][1], told[1][1]);
  EXPECT_EQ(agent.exit_code(), kExitDone);
}

TEST_F(Restarts, NoMoreThanAskedFor) {
  RunningAgent agent("echo attempt; exit 1", restarted(2, 1));
  const std::string text = agent.rest();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3 + 3 + 2) << text;
  EXPECT_EQ(agent.exit_code(), kExitFailure);
  RunningAgent without("echo attempt; exit 1", restarted(0, 1));
  EXPECT_THAT(without.rest(), Not(HasSubstr("restart")));
  EXPECT_EQ(without.exit_code(), kExitFailure);
}

TEST_F(Restarts, BadInputAndStopsAreFinal) {
  for (const int code : {kExitBadInput, kExitStopped, kExitDone}) {
    RunningAgent agent("exit " + std::to_string(code), restarted(3));
    EXPECT_THAT(agent.rest(), Not(HasSubstr("restart")));
    EXPECT_EQ(agent.exit_code(), code);
  }
}

TEST_F(Restarts, TheWordsAreTheFirstOnesUntilThereIsSomethingToGoOnFrom) {
  const auto told_after = [&](const std::string& reports) {
    AgentOptions options = restarted(1, 1);
    set_commands(options);
    RunningAgent agent("[ $ROPEWALK_RESTART = 1 ] && echo first attempt 1 && exit 0; exec " +
                           tool_ + " " + reports + " exit 1",
                       options);
    return agent.rest();
  };
  EXPECT_THAT(told_after("phase computing"), HasSubstr("first attempt 1\n"));
  EXPECT_THAT(told_after("step 1"), HasSubstr("after-step attempt 1\n"));
  EXPECT_THAT(told_after("step 2 saved 2"),
              AllOf(HasSubstr("after-save attempt 1\n"), HasSubstr("goes on from the newest")));
}

TEST_F(Restarts, AFailureAfterAStopSignalIsFinal) {
  RunningAgent agent("trap 'exit 1' TERM; echo ready; while :; do sleep 0.01; done",
                     restarted(3, 1));
  ASSERT_TRUE(agent.reach_line("ready"));
  ::kill(agent.pid(), SIGTERM);
  EXPECT_THAT(agent.rest(), Not(HasSubstr("restart")));
  EXPECT_EQ(agent.exit_code(), kExitFailure);
}

TEST_F(Restarts, AStopSignalDuringThePauseEndsTheJob) {
  AgentOptions options = restarted(3, 1);
  options.restart.pause_s = 1000;
  RunningAgent agent("exit 1", options);
  ASSERT_TRUE(agent.reach_line("restart 1 of 3"));
  ::kill(agent.pid(), SIGINT);
  EXPECT_THAT(agent.rest(), HasSubstr("stopped by a signal before the restart"));
  EXPECT_EQ(agent.exit_code(), kExitFailure);
}

}  // namespace
}  // namespace ropewalk
