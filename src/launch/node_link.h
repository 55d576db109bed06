// The connections between the agents of a job while its ranks run; private to launch. Node 0 is
// connected to every other node and passes on what one of them says; the others are connected to
// node 0, which decides whether the ranks of all are started again.
#pragma once

#include <poll.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launch/attempt.h"
#include "launch/node_messages.h"

namespace ropewalk {

class NodeLink {
 public:
  // `peers` by node rank.
  NodeLink(int node_rank, std::map<int, Connection> peers)
      : node_rank_(node_rank), peers_(std::move(peers)) {}

  bool is_hub() const { return node_rank_ == 0; }
  // Appends what to poll for.
  void watch(std::vector<pollfd>& watched) const;
  // Failures of ranks or machines that the others told of, or that show by a lost connection.
  std::vector<NodeMessage> read_failures();

  // `kind`: "failed" or "hung".
  void tell_failed(const std::string& kind, int exit_code, const std::string& who);
  // All ranks of this machine have ended.
  void tell_finished(const AttemptEnd& end);

  // Node 0, once all ranks of all machines have ended: how, taken together.
  std::optional<AttemptEnd> attempt_end() const;
  // Node 0: the job is over, or its ranks are started again.
  void end_job(int exit_code);
  void start_again(const Attempt& attempt);

  // The job's exit code, once it is over.
  std::optional<int> result() const { return result_; }
  // Other nodes: the start that node 0 has told of last and that was not taken yet.
  std::optional<Attempt> take_start() { return std::exchange(start_, std::nullopt); }

 private:
  void on_message(int from, const NodeMessage& message, std::vector<NodeMessage>& failures);
  void on_lost(int node, const std::string& address, std::vector<NodeMessage>& failures);
  void pass_on(const NodeMessage& message, int not_to);

  int node_rank_;
  std::map<int, Connection> peers_;     // those still connected
  std::map<int, AttemptEnd> finished_;  // node 0: by node
  std::optional<int> result_;
  std::optional<Attempt> start_;
};

}  // namespace ropewalk
