// The ranks of this machine; private to launch.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launch/agent_signals.h"
#include "launch/attempt.h"
#include "launch/rank_process.h"

namespace ropewalk {

class LocalRanks {
 public:
  LocalRanks(const AgentOptions& options, const AgentSignals& signals)
      : options_(options), signals_(signals) {}
  ~LocalRanks();

  // Once none runs any more. `store` is closed here: only rank 0 holds the socket, so that
  // connections end with it. Throws IoError.
  void start(const Attempt& attempt, const StorePlace& store);

  int num_running() const;
  void signal_all(int number);
  void kill(size_t rank);
  // Takes the ends of processes from the kernel; returns the ranks that ended by failing.
  std::vector<size_t> reap();
  // Of an end that the agent did not bring about.
  void mark_failed(size_t rank) { ranks_.at(rank).failed_by_itself = true; }

  // "rank 5 (process 123 on node 1)"
  std::string name(size_t rank) const;
  // "ended with exit code 3"
  std::string describe_end(size_t rank) const;
  const RankProcess& operator[](size_t rank) const { return ranks_.at(rank); }
  size_t size() const { return ranks_.size(); }
  // Of those that run.
  std::vector<std::optional<RankState>> states() const;
  // The furthest that any rank has told of.
  JobProgress progress() const;
  // The exit code of all together, where nothing failed elsewhere.
  int result() const;

 private:
  const AgentOptions& options_;
  const AgentSignals& signals_;
  const Clock::time_point job_begun_ = Clock::now();
  std::vector<RankProcess> ranks_;
};

}  // namespace ropewalk
