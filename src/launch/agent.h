// What run_local_agent does; private to launch.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "launch/local_ranks.h"
#include "launch/node_link.h"
#include "launch/watchdog.h"

namespace ropewalk {

class Agent {
 public:
  Agent(const AgentOptions& options, AgentSignals& signals);

  // The exit code of the job.
  int run();

 private:
  // State of one attempt, made anew with each.
  struct State {
    Watchdog watchdog;
    std::optional<Clock::time_point> kill_at;
    std::optional<int> failed_elsewhere;  // exit code of a failure on another machine
    std::string reason;                   // of the first failure
    bool ending = false;
  };

  void meet();
  StorePlace next_store();
  void start_ranks();
  void run_attempt();
  AttemptEnd attempt_end() const;
  bool start_again_alone(const AttemptEnd& end);
  // The job's exit code; empty when the ranks are to be started again.
  std::optional<int> finish_with_others(const AttemptEnd& end);
  bool may_restart(const AttemptEnd& end) const;
  // False when the user or another machine ended the job meanwhile.
  bool pause_before_restart(const AttemptEnd& end);

  // Until something happens or `until` has come.
  void wait_for_event(std::optional<Clock::time_point> until = {});
  std::optional<Clock::time_point> next_look() const;
  void kill_after_grace();
  void look_after_ranks();
  void on_hang(size_t culprit);
  void tell_where_ranks_stand() const;
  void on_stop_signal(int number);
  void on_rank_ends();
  void on_failure_elsewhere(const NodeMessage& failure);
  void note_failure(const std::string& reason);
  void end_others();

  const AgentOptions& options_;
  AgentSignals& signals_;
  LocalRanks ranks_;
  std::unique_ptr<NodeLink> nodes_;  // with several machines
  StorePlace store_;
  Attempt attempt_;
  State state_;
  std::optional<Clock::time_point> stop_requested_at_;
  bool killed_by_user_ = false;
};

}  // namespace ropewalk
