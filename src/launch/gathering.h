// Node 0 while the other machines register; private to launch.
#pragma once

#include <poll.h>

#include <map>
#include <optional>

#include "launch/agent_signals.h"
#include "launch/clock.h"
#include "launch/node_messages.h"

namespace ropewalk {

// True when one of the descriptors is ready, false at `until`. A stop signal is a DistError: there
// are no ranks yet that could save.
bool wait_for(AgentSignals& signals,
              std::vector<pollfd> watched,
              std::optional<Clock::time_point> until);

class Gathering {
 public:
  Gathering(Registration own, double timeout_s, const Socket& listening, AgentSignals& signals);

  // The connections to all other nodes, each of which has been told to start with this nonce. A
  // machine of this job that was started with something else ends the rendezvous for all, as
  // ConfigError; anything else that connects is turned away.
  std::map<int, Connection> run(const std::string& nonce);

 private:
  struct Caller {
    Connection connection;
    Clock::time_point until;  // when it must have said who it is
  };

  void take_callers();
  void hear_callers();
  void hear_nodes();
  void on_hello(Connection connection, const NodeMessage& message);
  void refuse_all(int exit_code, const std::string& text);
  [[noreturn]] void fail_incomplete();

  const Registration own_;
  const double timeout_s_;
  const Clock::time_point until_;
  const Socket& listening_;
  AgentSignals& signals_;
  std::vector<Caller> callers_;
  std::map<int, Connection> nodes_;
};

}  // namespace ropewalk
