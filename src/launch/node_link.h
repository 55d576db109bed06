// The connections between the agents of a job while its ranks run; private to launch. Node 0 is
// connected to every other node and passes on what one of them says; the others are connected to
// node 0.
#pragma once

#include <poll.h>

#include <map>
#include <optional>

#include "launch/node_messages.h"

namespace ropewalk {

class NodeLink {
 public:
  // `peers` by node rank.
  NodeLink(int node_rank, std::map<int, Connection> peers)
      : node_rank_(node_rank), peers_(std::move(peers)) {}

  // Appends what to poll for.
  void watch(std::vector<pollfd>& watched) const;
  // Failures of ranks or machines that the others told of, or that show by a lost connection.
  std::vector<NodeMessage> read_failures();

  void tell_failed(int exit_code, const std::string& who);
  // All ranks of this machine have ended.
  void tell_finished(int exit_code);
  // The job's exit code, once all ranks of all machines have ended.
  std::optional<int> result() const { return result_; }

 private:
  bool is_hub() const { return node_rank_ == 0; }
  void on_message(int from, const NodeMessage& message, std::vector<NodeMessage>& failures);
  void on_lost(int node, const std::string& address, std::vector<NodeMessage>& failures);
  void pass_on(const NodeMessage& message, int not_to);
  void end_if_all_finished();

  int node_rank_;
  std::map<int, Connection> peers_;  // those still connected
  std::map<int, int> finished_;      // node 0: exit codes by node
  std::optional<int> result_;
};

}  // namespace ropewalk
