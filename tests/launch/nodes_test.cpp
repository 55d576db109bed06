// Several agents on one machine, each standing for a machine of its own.
#include "ropewalk/launch/nodes.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "launch/running_agent.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Endpoint, IsAHostAndAPort) {
  const auto text_of = [](std::string_view text) {
    const auto endpoint = parse_endpoint(text);
    return endpoint ? endpoint->host + " " + std::to_string(endpoint->port) : "none";
  };
  EXPECT_EQ(text_of("10.0.0.1:29500"), "10.0.0.1 29500");
  EXPECT_EQ(text_of("gpu1:1"), "gpu1 1");
  EXPECT_EQ(text_of("[fd00::1]:65535"), "fd00::1 65535");
  for (const char* broken : {"",
                             "gpu1",
                             "gpu1:",
                             ":1",
                             "gpu1:0",
                             "gpu1:65536",
                             "gpu1:-1",
                             "gpu1:1x",
                             "fd00::1:1",
                             "[]:1",
                             "[gpu1]:1"}) {
    EXPECT_EQ(text_of(broken), "none") << broken;
  }
  EXPECT_EQ(describe({"fd00::1", 1}), "[fd00::1]:1");
  EXPECT_EQ(describe({"10.0.0.1", 1}), "10.0.0.1:1");
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

int free_port() {
  const int made = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof(address);
  EXPECT_EQ(::bind(made, reinterpret_cast<sockaddr*>(&address), length), 0);
  ::getsockname(made, reinterpret_cast<sockaddr*>(&address), &length);
  ::close(made);
  return ntohs(address.sin_port);
}

class Nodes : public testing::Test {
 protected:
  AgentOptions node(int node_rank, int num_nodes = 2, int num_ranks = 1) const {
    AgentOptions options;
    options.num_ranks = num_ranks;
    options.nodes.num_nodes = num_nodes;
    options.nodes.node_rank = node_rank;
    options.nodes.rendezvous = {"127.0.0.1", port_};
    options.nodes.timeout_s = 60;
    return options;
  }

  const int port_ = free_port();
};

TEST_F(Nodes, RanksAreCountedOverAllMachines) {
  const std::string script =
      "echo $ROPEWALK_RANK/$ROPEWALK_WORLD_SIZE $ROPEWALK_LOCAL_RANK/$ROPEWALK_LOCAL_WORLD_SIZE "
      "$ROPEWALK_STORE_ADDRESS:$ROPEWALK_STORE_PORT [$ROPEWALK_BIND_ADDRESS] "
      "fd$(( ${ROPEWALK_STORE_FD:-0} > 2 ))";
  AgentOptions second = node(1, 2, 2);
  second.nodes.bind_address = "127.0.0.1";
  RunningAgent agents[] = {RunningAgent(script, node(0, 2, 2)), RunningAgent(script, second)};
  std::vector<std::string> lines;
  for (RunningAgent& agent : agents) {
    for (const std::string& line : split(agent.rest(), '\n')) {
      if (!line.empty() && line.find(" info ") == std::string::npos) lines.push_back(line);
    }
    EXPECT_EQ(agent.exit_code(), kExitDone);
  }
  std::sort(lines.begin(), lines.end());
  const std::string store = "127.0.0.1:" + std::to_string(port_);
  EXPECT_THAT(lines,
              ElementsAre("0/4 0/2 " + store + " [] fd1",
                          "1/4 1/2 " + store + " [] fd0",
                          "2/4 0/2 " + store + " [127.0.0.1] fd0",
                          "3/4 1/2 " + store + " [127.0.0.1] fd0"));
}

TEST_F(Nodes, NothingListensButTheRendezvousAddress) {
  // /proc/net/tcp: 0200007F is 127.0.0.2, state 0A is listening.
  const std::string script =
      "[ $ROPEWALK_RANK = 0 ] || exit 0\n"
      "port=$(printf %04X $ROPEWALK_STORE_PORT)\n"
      "echo listening: $(grep -o \"[0-9A-F]*:$port 00000000:0000 0A\" /proc/net/tcp | cut -d: -f1)";
  AgentOptions options[] = {node(0), node(1)};
  for (AgentOptions& of_node : options) of_node.nodes.rendezvous.host = "127.0.0.2";
  RunningAgent first(script, options[0]), second(script, options[1]);
  EXPECT_THAT(first.rest(), HasSubstr("listening: 0200007F\n"));
  EXPECT_EQ(first.exit_code(), kExitDone);
  EXPECT_EQ(second.exit_code(), kExitDone);
}

TEST_F(Nodes, AFailingRankIsNamedOnEveryMachineAndEndsAll) {
  const std::string script = "[ $ROPEWALK_RANK = 2 ] && exit 3; exec sleep 1000";
  RunningAgent agents[] = {RunningAgent(script, node(0, 3)),
                           RunningAgent(script, node(1, 3)),
                           RunningAgent(script, node(2, 3))};
  for (RunningAgent& agent : agents) {
    EXPECT_THAT(
        agent.rest(),
        AllOf(HasSubstr("rank 2 (process "), HasSubstr("on node 2) ended with exit code 3")));
    EXPECT_EQ(agent.exit_code(), kExitFailure);
  }
}

class RestartedNodes : public Nodes {
 protected:
  AgentOptions restarted(int node_rank) const {
    AgentOptions options = node(node_rank);
    options.restart.max_restarts = 2;
    options.restart.pause_s = 0;
    return options;
  }
};

TEST_F(RestartedNodes, AFailureOnOneMachineStartsTheRanksOfAllAgain) {
  for (const int failing : {0, 1}) {
    const std::string script =
        "echo attempt $ROPEWALK_RESTART $ROPEWALK_JOB_NONCE fd$(( ${ROPEWALK_STORE_FD:-0} > 2 ))\n"
        "[ $ROPEWALK_RESTART = 1 ] && exit 0\n"
        "[ $ROPEWALK_RANK = " +
        std::to_string(failing) + " ] && exit 3\nexec sleep 1000";
    RunningAgent agents[] = {RunningAgent(script, restarted(0)),
                             RunningAgent(script, restarted(1))};
    // Words of each attempt. The rank that does not fail may be ended before it has told its first.
    std::vector<std::vector<std::string>> told[2];
    for (const int i : {0, 1}) {
      for (const std::string& line : split(agents[i].rest(), '\n')) {
        if (line.rfind("attempt ", 0) == 0) told[i].push_back(split(line, ' '));
      }
      EXPECT_EQ(agents[i].exit_code(), kExitDone);
      ASSERT_FALSE(told[i].empty());
      EXPECT_EQ(told[i].back()[1], "1");
    }
    EXPECT_EQ(told[0].back()[2], told[1].back()[2]) << "all machines have the same nonce";
    EXPECT_EQ(told[0].back()[3] + told[1].back()[3], "fd1fd0");
    ASSERT_EQ(told[failing].size(), 2u);
    EXPECT_NE(told[failing][0][2], told[failing][1][2]) << "and another one each time";
  }
}

TEST_F(RestartedNodes, NothingStartsAgainOnceAMachineHasGone) {
  AgentOptions options[] = {restarted(0), restarted(1)};
  const std::string script = "echo ready; exec sleep 1000";
  RunningAgent agents[] = {RunningAgent(script, options[0]), RunningAgent(script, options[1])};
  for (RunningAgent& agent : agents) ASSERT_TRUE(agent.reach_line("ready"));
  ::kill(agents[1].pid(), SIGKILL);
  EXPECT_THAT(agents[0].rest(), testing::Not(HasSubstr("restart")));
  EXPECT_EQ(agents[0].exit_code(), kExitFailure);
  agents[1].exit_code();
}

TEST_F(RestartedNodes, AStopSignalToEitherDuringThePauseEndsAll) {
  for (const int told : {0, 1}) {
    AgentOptions options[] = {restarted(0), restarted(1)};
    options[0].restart.pause_s = 1000;
    RunningAgent agents[] = {RunningAgent("exit 1", options[0]),
                             RunningAgent("exit 1", options[1])};
    ASSERT_TRUE(agents[0].reach_line("restart 1 of 2"));
    ::kill(agents[told].pid(), SIGTERM);
    for (RunningAgent& agent : agents) {
      agent.rest();
      EXPECT_EQ(agent.exit_code(), kExitFailure);
    }
  }
}

TEST_F(Nodes, AllReturnTheSameCode) {
  const auto codes = [&](const std::string& script) {
    RunningAgent first(script, node(0)), second(script, node(1));
    return std::vector<int>{first.exit_code(), second.exit_code()};
  };
  EXPECT_THAT(codes("exit 75"), ElementsAre(kExitStopped, kExitStopped));
  EXPECT_THAT(codes("[ $ROPEWALK_RANK = 1 ] && exit 0; exit 75"),
              ElementsAre(kExitFailure, kExitFailure));
  EXPECT_THAT(codes("[ $ROPEWALK_RANK = 1 ] && exit 2; exec sleep 1000"),
              ElementsAre(kExitBadInput, kExitBadInput));
}

TEST_F(Nodes, AKilledAgentEndsItsRanksAndTheOtherMachines) {
  for (const int killed : {0, 1}) {
    const std::string script = "echo ready; exec sleep 1000";
    RunningAgent agents[] = {RunningAgent(script, node(0)), RunningAgent(script, node(1))};
    for (RunningAgent& agent : agents) {
      ASSERT_TRUE(agent.reach_line("ready"));
    }
    ::kill(agents[killed].pid(), SIGKILL);
    agents[killed].rest();  // returns only once no rank is left
    EXPECT_THAT(
        agents[1 - killed].rest(),
        HasSubstr("node " + std::to_string(killed) + " (127.0.0.1): its launch ended early"));
    EXPECT_EQ(agents[1 - killed].exit_code(), kExitFailure);
    EXPECT_EQ(agents[killed].exit_code(), -SIGKILL);
  }
}

TEST_F(Nodes, DifferentOptionsAreToldAllAtOnceOnEveryMachine) {
  RunningAgent first("exit 0", node(0, 3, 1)), fits("exit 0", node(1, 3, 1));
  ASSERT_TRUE(fits.reach_line("registered at"));
  RunningAgent differs("exit 1", node(3, 4, 2));
  for (RunningAgent* agent : {&first, &fits, &differs}) {
    EXPECT_THAT(agent->rest(),
                AllOf(HasSubstr("node 3 (127.0.0.1) does not fit the run of node 0: 4 faults"),
                      HasSubstr("--nnodes: found 4, node 0 was started with 3"),
                      HasSubstr("--nproc: found 2, node 0 was started with 1"),
                      HasSubstr("--node-rank: found 3, expected 1 to 2"),
                      HasSubstr("the words after --: differ")));
    EXPECT_EQ(agent->exit_code(), kExitBadInput);
  }
}

TEST_F(Nodes, TwoMachinesWithTheSameNumberAreRefused) {
  RunningAgent first("exit 0", node(0, 3)), second("exit 0", node(1, 3)),
      same("exit 0", node(1, 3));
  for (RunningAgent* agent : {&first, &second, &same}) {
    EXPECT_THAT(agent->rest(),
                HasSubstr("--node-rank: found 1, which the machine at 127.0.0.1 has"));
    EXPECT_EQ(agent->exit_code(), kExitBadInput);
  }
}

TEST_F(Nodes, TwoMachinesWithNumber0AreRefused) {
  RunningAgent first("exit 0", node(0));
  ASSERT_TRUE(first.reach_line("waiting for 1 other"));
  RunningAgent same("exit 0", node(0));
  EXPECT_THAT(same.rest(), HasSubstr("two machines were started with --node-rank 0"));
  EXPECT_EQ(same.exit_code(), kExitFailure);
  ::kill(first.pid(), SIGTERM);
  EXPECT_THAT(first.rest(), HasSubstr("stopped by a signal while waiting for the other machines"));
  EXPECT_EQ(first.exit_code(), kExitFailure);
}

TEST_F(Nodes, AnotherJobIsTurnedAwayAndTheRightMachineStillJoins) {
  AgentOptions options[] = {node(0), node(1), node(1)};
  options[0].nodes.job_id = options[2].nodes.job_id = "ours";
  options[1].nodes.job_id = "theirs";
  RunningAgent first("exit 0", options[0]), stranger("exit 0", options[1]);
  EXPECT_THAT(stranger.rest(), HasSubstr("--job-id: found \"theirs\", while the run"));
  EXPECT_EQ(stranger.exit_code(), kExitBadInput);
  RunningAgent second("exit 0", options[2]);
  EXPECT_THAT(first.rest(), HasSubstr("turned away, still waiting"));
  EXPECT_EQ(first.exit_code(), kExitDone);
  EXPECT_EQ(second.exit_code(), kExitDone);
}

TEST_F(Nodes, OtherConnectionsDisturbNothing) {
  RunningAgent first("exit 0", node(0));
  ASSERT_TRUE(first.reach_line("waiting for 1 other"));
  const std::vector<std::string> texts = {"",
                                          "GET / HTTP/1.1\r\n\r\n",
                                          std::string("hello 1 x\0", 10),
                                          std::string("hello 1 2 1 1 c =\0", 18),
                                          std::string(100000, 'x')};
  for (const std::string& text : texts) {
    const int made = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = loopback(port_);
    ASSERT_EQ(::connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    [[maybe_unused]] const ssize_t sent = ::send(made, text.data(), text.size(), MSG_NOSIGNAL);
    ::close(made);
  }
  RunningAgent second("exit 0", node(1));
  first.rest();
  EXPECT_EQ(first.exit_code(), kExitDone);
  EXPECT_EQ(second.exit_code(), kExitDone);
}

TEST_F(Nodes, MissingMachinesAreNamedAfterTheTimeout) {
  AgentOptions options[] = {node(0, 3), node(1, 3)};
  options[0].nodes.timeout_s = 0.5;
  RunningAgent first("exit 0", options[0]), second("exit 0", options[1]);
  for (RunningAgent* agent : {&first, &second}) {
    EXPECT_THAT(agent->rest(),
                HasSubstr("only 2 of 3 machines came within 0.5 s; missing: --node-rank 2"));
    EXPECT_EQ(agent->exit_code(), kExitFailure);
  }
}

TEST_F(Nodes, AnUnreachableRendezvousIsNamedAfterTheTimeout) {
  AgentOptions options = node(1);
  options.nodes.timeout_s = 0.1;
  RunningAgent agent("exit 0", options);
  EXPECT_THAT(
      agent.rest(),
      AllOf(HasSubstr("no rendezvous at 127.0.0.1:" + std::to_string(port_) + " within 0.1 s"),
            HasSubstr("Connection refused")));
  EXPECT_EQ(agent.exit_code(), kExitFailure);
}

TEST_F(Nodes, ImpossiblePlacesForTheRendezvousAreRefused) {
  const auto error_at = [&](const std::string& host) {
    AgentOptions options = node(0);
    options.nodes.rendezvous.host = host;
    return RunningAgent("exit 0", options).rest();
  };
  EXPECT_THAT(error_at("0.0.0.0"), HasSubstr("is every interface"));
  // 192.0.2.0/24 is reserved for documentation: no machine has it.
  EXPECT_THAT(error_at("192.0.2.1"), HasSubstr("node 0's own machine"));
  EXPECT_THAT(error_at("no.such.host.invalid"), HasSubstr("no.such.host.invalid: "));
}

TEST_F(Nodes, AnAddressOfAnotherMachineIsRefusedAsItsOwn) {
  for (const char* address : {"192.0.2.1", "0.0.0.0", "no.such.host.invalid"}) {
    AgentOptions options = node(1);
    options.nodes.bind_address = address;
    RunningAgent agent("exit 0", options);
    EXPECT_THAT(agent.rest(), HasSubstr(std::string("--bind: found ") + address));
    EXPECT_EQ(agent.exit_code(), kExitBadInput);
  }
}

}  // namespace
}  // namespace ropewalk
