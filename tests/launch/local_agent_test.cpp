#include "ropewalk/launch/local_agent.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "launch/running_agent.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

AgentOptions ranks(int count) {
  AgentOptions options;
  options.num_ranks = count;
  return options;
}

TEST(LocalAgent, RanksGetTheirVariablesAndOneStorePort) {
  AgentOptions options = ranks(3);
  options.environment = {"EXTRA=yes"};
  RunningAgent agent("echo $ROPEWALK_RANK/$ROPEWALK_WORLD_SIZE $EXTRA $ROPEWALK_STORE_PORT",
                     options);
  std::vector<std::string> lines = split(agent.rest(), '\n');
  std::sort(lines.begin(), lines.end());
  ASSERT_EQ(lines.size(), 4u);
  const std::string port = split(lines[1], ' ').at(2);
  EXPECT_THAT(lines, ElementsAre("", "0/3 yes " + port, "1/3 yes " + port, "2/3 yes " + port));
  EXPECT_GT(std::stoi(port), 0);
  EXPECT_EQ(agent.exit_code(), kExitDone);
}

TEST(LocalAgent, OnlyRank0InheritsTheListeningSocketAndItIsOnLoopback) {
  // /proc/net/tcp: local address 0100007F is 127.0.0.1, state 0A is listening.
  RunningAgent agent(
      "port=$(printf %04X $ROPEWALK_STORE_PORT)\n"
      "if [ \"$ROPEWALK_RANK\" = 0 ]; then\n"
      "  grep -c \" 0100007F:$port 00000000:0000 0A\" /proc/net/tcp\n"
      "  readlink /proc/self/fd/$ROPEWALK_STORE_FD | cut -d: -f1\n"
      "else\n"
      "  [ -z \"$ROPEWALK_STORE_FD\" ] && ls -l /proc/self/fd | grep -c socket: >&2; true\n"
      "fi",
      ranks(2));
  std::vector<std::string> lines = split(agent.rest(), '\n');
  std::sort(lines.begin(), lines.end());
  EXPECT_THAT(lines, ElementsAre("", "0", "1", "socket"));
  EXPECT_EQ(agent.exit_code(), kExitDone);
}

TEST(LocalAgent, RanksAreChildrenOfTheAgentInItsProcessGroup) {
  RunningAgent agent("echo $PPID $(ps -o pgid= -p $$)", ranks(1));
  EXPECT_EQ(agent.line(), std::to_string(agent.pid()) + " " + std::to_string(::getpgrp()));
  EXPECT_EQ(agent.exit_code(), kExitDone);
}

TEST(LocalAgent, AFailingRankEndsTheOthersAndIsNamed) {
  RunningAgent agent("[ $ROPEWALK_RANK = 1 ] && exit 3; exec sleep 1000", ranks(3));
  EXPECT_THAT(agent.rest(),
              AllOf(HasSubstr("rank 1 (process "),
                    HasSubstr("exit code 3"),
                    HasSubstr("ending the other ranks")));
  EXPECT_EQ(agent.exit_code(), kExitFailure);
}

TEST(LocalAgent, ARankKilledBySignalIsAFailureAndIsNamed) {
  RunningAgent agent("[ $ROPEWALK_RANK = 0 ] && kill -9 $$; exec sleep 1000", ranks(2));
  EXPECT_THAT(agent.rest(), HasSubstr("was killed by signal 9"));
  EXPECT_EQ(agent.exit_code(), kExitFailure);
}

TEST(LocalAgent, RanksThatIgnoreSigtermAreKilledAfterTheGrace) {
  AgentOptions options = ranks(2);
  options.grace_s = 0.05;
  // rank 0 fails only after rank 1 has set its trap.
  char folder[] = "/tmp/ropewalk-agent-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string fifo = std::string(folder) + "/trap-is-set";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  RunningAgent agent("if [ $ROPEWALK_RANK = 1 ]; then trap '' TERM; echo > " + fifo +
                         "; while :; do sleep 0.01; done; else read x < " + fifo + "; exit 1; fi",
                     options);
  EXPECT_THAT(agent.line(), HasSubstr("rank 0"));
  EXPECT_THAT(agent.line(), HasSubstr("killing them"));
  EXPECT_EQ(agent.exit_code(), kExitFailure);
  ::unlink(fifo.c_str());
  ::rmdir(folder);
}

TEST(LocalAgent, BadInputIsReportedAsBadInputWhateverTheOthersSay) {
  RunningAgent agent("[ $ROPEWALK_RANK = 1 ] && exit 2; exec sleep 1000", ranks(2));
  agent.rest();
  EXPECT_EQ(agent.exit_code(), kExitBadInput);
}

TEST(LocalAgent, StoppedOnlyIfAllRanksStopped) {
  RunningAgent all("exit 75", ranks(3));
  EXPECT_EQ(all.exit_code(), kExitStopped);
  RunningAgent some("[ $ROPEWALK_RANK = 1 ] && exit 0; exit 75", ranks(3));
  EXPECT_EQ(some.exit_code(), kExitFailure);
}

class ForwardedSignal : public testing::TestWithParam<int> {};

TEST_P(ForwardedSignal, ReachesEveryRankWhichEndInTheirOwnTime) {
  const std::string name = ::sigabbrev_np(GetParam());
  RunningAgent agent(
      "trap 'echo got; exit 75' " + name + "; echo ready; while :; do sleep 0.01; done", ranks(2));
  EXPECT_EQ(agent.line(), "ready");
  EXPECT_EQ(agent.line(), "ready");
  ::kill(agent.pid(), GetParam());
  EXPECT_EQ(agent.rest(), "got\ngot\n");
  EXPECT_EQ(agent.exit_code(), kExitStopped);
}

INSTANTIATE_TEST_SUITE_P(StopSignals, ForwardedSignal, testing::Values(SIGTERM, SIGINT, SIGUSR1));

TEST(LocalAgent, ASecondSignalKillsAtOnce) {
  AgentOptions options = ranks(2);
  options.duplicate_window_s = 0;
  RunningAgent agent("trap 'echo got' TERM; echo ready; while :; do sleep 0.01; done", options);
  agent.line();
  agent.line();
  ::kill(agent.pid(), SIGTERM);
  EXPECT_EQ(agent.line(), "got");
  EXPECT_EQ(agent.line(), "got");
  ::kill(agent.pid(), SIGINT);
  EXPECT_THAT(agent.rest(), HasSubstr("second stop signal"));
  EXPECT_EQ(agent.exit_code(), kExitFailure);
}

TEST(LocalAgent, RanksDieWithAKilledAgent) {
  RunningAgent agent("trap '' TERM INT HUP; echo ready; while :; do sleep 0.01; done", ranks(2));
  agent.line();
  agent.line();
  ::kill(agent.pid(), SIGKILL);
  agent.rest();  // returns only once no rank is left
  EXPECT_EQ(agent.exit_code(), -SIGKILL);
}

TEST(LocalAgent, AProgramThatCannotStartIsAnErrorThatNamesIt) {
  AgentOptions options = ranks(2);
  options.command = {"/nonexistent/ropewalk-engine"};
  try {
    run_local_agent(options);
    FAIL();
  } catch (const IoError& error) {
    EXPECT_THAT(error.what(), HasSubstr("/nonexistent/ropewalk-engine: No such file"));
  }
}

TEST(LocalAgent, ImpossibleNumbersOfRanksAreRefused) {
  AgentOptions options = ranks(0);
  options.command = {"/bin/true"};
  EXPECT_THROW(run_local_agent(options), ConfigError);
}

}  // namespace
}  // namespace ropewalk
