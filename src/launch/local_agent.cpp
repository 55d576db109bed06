#include "ropewalk/launch/local_agent.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <optional>

#include "launch/agent_signals.h"
#include "launch/gathering.h"
#include "launch/rank_process.h"
#include "launch/rendezvous.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

class Agent {
 public:
  Agent(const AgentOptions& options, AgentSignals& signals)
      : options_(options), signals_(signals), ranks_(static_cast<size_t>(options.num_ranks)) {}

  ~Agent() { end_and_reap(); }

  int run() {
    start();
    while (num_running() > 0) wait_for_event();
    if (!nodes_) return result();
    nodes_->tell_finished(result());
    while (!nodes_->result() && !killed_by_user_) wait_for_event();
    return nodes_->result().value_or(kExitFailure);
  }

 private:
  void start() {
    StorePlace store;
    if (options_.nodes.num_nodes > 1) {
      Meeting meeting = meet_other_nodes(options_, signals_);
      store = std::move(meeting.store);
      nodes_ = std::move(meeting.link);
    } else {
      store = local_store();
    }
    for (int i = 0; i < options_.num_ranks; ++i) {
      ranks_[static_cast<size_t>(i)] = start_rank(options_, store, i, signals_.mask_before());
    }
    // Closed here: only rank 0 holds the socket, so that connections end with it.
  }

  void wait_for_event() {
    std::vector<pollfd> watched = {{signals_.descriptor(), POLLIN, 0}};
    if (nodes_) nodes_->watch(watched);
    int left_ms = -1;
    if (kill_at_) {
      const std::chrono::duration<double, std::milli> left = *kill_at_ - Clock::now();
      left_ms = static_cast<int>(std::ceil(std::max(0.0, left.count())));
    }
    if (::poll(watched.data(), watched.size(), left_ms) == 0) kill_after_grace();
    while (const auto number = signals_.next()) {
      if (*number == SIGCHLD) {
        reap();
      } else {
        on_stop_signal(*number);
      }
    }
    if (!nodes_) return;
    for (const NodeMessage& failure : nodes_->read_failures()) on_failure_elsewhere(failure);
  }

  void kill_after_grace() {
    if (!kill_at_ || Clock::now() < *kill_at_) return;
    kill_at_.reset();
    if (num_running() == 0) return;
    log_error("ranks still run " + format_number(options_.grace_s) +
              " s after SIGTERM; killing them");
    signal_all(SIGKILL);
  }

  void on_failure_elsewhere(const NodeMessage& failure) {
    log_error(failure.text + (num_running() > 0 ? "; ending the ranks of this machine" : ""));
    failed_elsewhere_ = failure.code;
    if (!ending_) end_others();
  }

  void on_stop_signal(int number) {
    const auto now = Clock::now();
    if (!stop_requested_at_) {
      stop_requested_at_ = now;
      signal_all(number);
      return;
    }
    const std::chrono::duration<double> since = now - *stop_requested_at_;
    if (since.count() < options_.duplicate_window_s) return;
    log_warn("second stop signal: killing all ranks");
    killed_by_user_ = true;
    signal_all(SIGKILL);
  }

  std::string describe_end(const RankProcess& rank, int local_rank) const {
    const NodeOptions& nodes = options_.nodes;
    std::string text = "rank " + std::to_string(nodes.node_rank * options_.num_ranks + local_rank) +
                       " (process " + std::to_string(rank.pid);
    if (nodes.num_nodes > 1) text += " on node " + std::to_string(nodes.node_rank);
    text += ") ";
    if (rank.exit_code) return text + "ended with exit code " + std::to_string(*rank.exit_code);
    text += "was killed by signal " + std::to_string(rank.signal) + " (" +
            ::strsignal(rank.signal) + ")";
    if (rank.signal == SIGKILL) text += "; if nobody did, the machine ran out of memory";
    return text;
  }

  void reap() {
    for (size_t i = 0; i < ranks_.size(); ++i) {
      RankProcess& rank = ranks_[i];
      if (!rank.running || !rank.reap()) continue;
      if (rank.exit_code == kExitDone || rank.exit_code == kExitStopped) continue;
      // Ends that the agent itself brought about are no news.
      if (ending_ || killed_by_user_) continue;
      rank.failed_by_itself = true;
      const std::string who = describe_end(rank, static_cast<int>(i));
      log_error(who + (num_running() > 0 || nodes_ ? "; ending the other ranks" : ""));
      if (nodes_) nodes_->tell_failed(rank.exit_code.value_or(kExitFailure), who);
    }
    for (const RankProcess& rank : ranks_) {
      if (rank.failed_by_itself && !ending_) end_others();
    }
  }

  void end_others() {
    ending_ = true;
    signal_all(SIGTERM);
    kill_at_ = deadline_in(options_.grace_s);
  }

  void signal_all(int number) {
    // A child that ended but was not reaped keeps its pid: no other process can be hit.
    for (const RankProcess& rank : ranks_) {
      if (rank.running) ::kill(rank.pid, number);
    }
  }

  void end_and_reap() {
    signal_all(SIGKILL);
    for (RankProcess& rank : ranks_) {
      if (rank.running) rank.reap(/*wait=*/true);
    }
  }

  int num_running() const {
    int count = 0;
    for (const RankProcess& rank : ranks_) count += rank.running ? 1 : 0;
    return count;
  }

  int result() const {
    bool all_done = !failed_elsewhere_, all_stopped = !failed_elsewhere_;
    bool bad_input = failed_elsewhere_ == kExitBadInput;
    for (const RankProcess& rank : ranks_) {
      all_done = all_done && rank.exit_code == kExitDone;
      all_stopped = all_stopped && rank.exit_code == kExitStopped;
      bad_input = bad_input || (rank.failed_by_itself && rank.exit_code == kExitBadInput);
    }
    if (all_done) return kExitDone;
    if (all_stopped) return kExitStopped;
    return bad_input ? kExitBadInput : kExitFailure;
  }

  const AgentOptions& options_;
  AgentSignals& signals_;
  std::vector<RankProcess> ranks_;
  std::unique_ptr<NodeLink> nodes_;  // with several machines
  std::optional<Clock::time_point> stop_requested_at_;
  std::optional<Clock::time_point> kill_at_;
  std::optional<int> failed_elsewhere_;  // exit code of a failure on another machine
  bool ending_ = false;
  bool killed_by_user_ = false;
};

}  // namespace

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
