#include "ropewalk/launch/local_agent.h"

#include "launch/agent.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {

int run_local_agent(const AgentOptions& options) {
  constexpr int kMostRanks = 1024;
  if (options.num_ranks < 1 || options.num_ranks > kMostRanks) {
    throw ConfigError("number of ranks: found " + std::to_string(options.num_ranks) +
                      ", expected 1 to " + std::to_string(kMostRanks));
  }
  ROPEWALK_CHECK(!options.command.empty(), "no command for the ranks");
  ROPEWALK_CHECK(options.nodes.node_rank >= 0 && options.nodes.node_rank < options.nodes.num_nodes,
                 "a node rank outside the nodes");
  AgentSignals signals;
  return Agent(options, signals).run();
}

}  // namespace ropewalk
