// How the agents of several machines find each other before any rank starts; private to launch.
#pragma once

#include <memory>

#include "launch/agent_signals.h"
#include "launch/node_link.h"
#include "ropewalk/launch/local_agent.h"

namespace ropewalk {

// Where the ranks' store is.
struct StorePlace {
  std::string address;
  int port = 0;
  Socket listening;  // on node 0: for rank 0, which serves the store
};

// For one machine: 127.0.0.1 and a port of the kernel's choice. Listening already, so that the
// other ranks may connect before rank 0 has loaded.
StorePlace local_store();

struct Meeting {
  StorePlace store;
  std::unique_ptr<NodeLink> link;
  std::string nonce;  // of the first attempt, the same on all machines
};

// Blocks until all machines have registered. Throws ConfigError when what they were started with
// does not fit together (on every machine of the job), DistError when machines are missing after
// the time-out, when node 0 cannot be reached, or on a stop signal.
Meeting meet_other_nodes(const AgentOptions& options, AgentSignals& signals);

// Node 0, for another attempt: as at the first, at the rendezvous address. Throws DistError when
// something else listens there by now.
StorePlace store_at_rendezvous(const NodeOptions& nodes);

}  // namespace ropewalk
