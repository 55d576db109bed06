// One machine (a node) among several that start the ranks of a job together, each by its own agent.
//
// Node 0's agent listens on exactly the rendezvous address; the others register there with what
// they were started with, and no rank starts before all fit together. The connections stay: a rank
// that fails on one machine is named on all of them, a machine that disappears ends the others, and
// every agent returns the same exit code. When all machines have come, the listening socket becomes
// the store's of rank 0, so the job uses one known port.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ropewalk {

struct Endpoint {
  std::string host;
  int port = 0;
};

// "10.0.0.1:29500", "gpu1:29500" or "[fd00::1]:29500" with a port of 1 to 65535.
std::optional<Endpoint> parse_endpoint(std::string_view text);
std::string describe(const Endpoint& endpoint);

struct NodeOptions {
  int num_nodes = 1;
  int node_rank = 0;
  Endpoint rendezvous;  // an address of node 0's machine
  // Of this machine, for its ranks' connections. Empty: the interface that leads to the rendezvous.
  std::string bind_address;
  // Agents of another job are turned away, whatever else they say.
  std::string job_id;
  // How long all machines may take to come.
  double timeout_s = 600.0;
};

}  // namespace ropewalk
