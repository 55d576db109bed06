// What agents of different machines say to each other; private to launch. The other end may be
// anything that found the port: what it sends is checked and never trusted with a terminal.
#pragma once

#include <string>
#include <vector>

#include "launch/attempt.h"
#include "launch/sockets.h"
#include "ropewalk/base/diagnostics.h"

namespace ropewalk {

// On the wire: "kind code text" and a zero byte.
struct NodeMessage {
  std::string kind;
  int code = 0;
  std::string text;
};
//   hello     registering: the protocol's version, a Registration as text
//   welcome   registered; not all machines have come yet
//   refuse    not registered, or the rendezvous failed: exit code and reason
//   go        all have come: start the ranks; their nonce as text
//   failed    a rank or a machine failed: exit code and who
//   hung      the same, of a rank that does not move: the others tell where their own stand
//   finished  all ranks of this machine have ended: exit code, and whether and how to start again
//   again     all ranks of all machines have ended: start the ranks again; number, how, nonce
//   over      all ranks of all machines have ended: the exit code of the job

// One end of a connection between two agents.
class Connection {
 public:
  explicit Connection(Socket socket);

  int descriptor() const { return socket_.get(); }
  const std::string& peer() const { return peer_; }  // its address
  // What cannot be sent shows as a closed connection at the next receive.
  void send(const NodeMessage& message);
  // Appends the messages that have come; false once the other end has closed or talks nonsense.
  bool receive(std::vector<NodeMessage>& messages);

 private:
  Socket socket_;
  std::string peer_;
  std::string unread_;
};

// What an agent was started with, as far as all machines must agree on it.
struct Registration {
  int num_nodes = 1;
  int ranks_per_node = 1;
  int node_rank = 0;
  std::string command;  // hash of the ranks' command line
  std::string job_id;
};

inline constexpr int kProtocolVersion = 2;
NodeMessage to_message(const Registration& registration);
std::optional<Registration> registration_of(const NodeMessage& message);

NodeMessage to_message(const AttemptEnd& end);
// What makes no sense is an end without another start.
AttemptEnd attempt_end_of(const NodeMessage& message);
NodeMessage to_message(const Attempt& attempt);
std::optional<Attempt> attempt_of(const NodeMessage& message);

// Why `other` cannot take part in the job of `own`, which is node 0's.
Diagnostics compare_registrations(const Registration& own, const Registration& other);

}  // namespace ropewalk
