#include "launch/local_ranks.h"

#include <algorithm>
#include <cstring>

#include "ropewalk/base/errors.h"

namespace ropewalk {

LocalRanks::~LocalRanks() {
  signal_all(SIGKILL);
  for (RankProcess& rank : ranks_) {
    if (rank.running) rank.reap(/*wait=*/true);
  }
}

void LocalRanks::start(const Attempt& attempt, const StorePlace& store) {
  ranks_.clear();
  for (int i = 0; i < options_.num_ranks; ++i) {
    ranks_.push_back(start_rank({options_, attempt, store, signals_.mask_before(), job_begun_}, i));
  }
}

int LocalRanks::num_running() const {
  int count = 0;
  for (const RankProcess& rank : ranks_) count += rank.running ? 1 : 0;
  return count;
}

void LocalRanks::signal_all(int number) {
  // A child that ended but was not reaped keeps its pid: no other process can be hit.
  for (const RankProcess& rank : ranks_) {
    if (rank.running) ::kill(rank.pid, number);
  }
}

void LocalRanks::kill(size_t rank) {
  if (ranks_.at(rank).running) ::kill(ranks_[rank].pid, SIGKILL);
}

std::vector<size_t> LocalRanks::reap() {
  std::vector<size_t> failed;
  for (size_t i = 0; i < ranks_.size(); ++i) {
    RankProcess& rank = ranks_[i];
    if (!rank.running || !rank.reap()) continue;
    if (rank.exit_code != kExitDone && rank.exit_code != kExitStopped) failed.push_back(i);
  }
  return failed;
}

std::string LocalRanks::name(size_t rank) const {
  const NodeOptions& nodes = options_.nodes;
  const size_t number =
      static_cast<size_t>(nodes.node_rank) * static_cast<size_t>(options_.num_ranks) + rank;
  std::string text =
      "rank " + std::to_string(number) + " (process " + std::to_string(ranks_.at(rank).pid);
  if (nodes.num_nodes > 1) text += " on node " + std::to_string(nodes.node_rank);
  return text + ")";
}

std::string LocalRanks::describe_end(size_t rank) const {
  const RankProcess& process = ranks_.at(rank);
  if (process.exit_code) return "ended with exit code " + std::to_string(*process.exit_code);
  std::string text = "was killed by signal " + std::to_string(process.signal) + " (" +
                     ::strsignal(process.signal) + ")";
  if (process.signal == SIGKILL) text += "; if nobody did, the machine ran out of memory";
  return text;
}

std::vector<std::optional<RankState>> LocalRanks::states() const {
  std::vector<std::optional<RankState>> states;
  for (const RankProcess& rank : ranks_) {
    states.push_back(rank.running ? std::optional(rank.page->read()) : std::nullopt);
  }
  return states;
}

JobProgress LocalRanks::progress() const {
  JobProgress furthest = JobProgress::kNone;
  for (const RankProcess& rank : ranks_) {
    const RankState state = rank.page->read();
    JobProgress own = state.step > 0 ? JobProgress::kSteps : JobProgress::kNone;
    if (state.saved_step > 0) own = JobProgress::kSaved;
    furthest = std::max(furthest, own);
  }
  return furthest;
}

int LocalRanks::result() const {
  bool all_done = true, all_stopped = true, bad_input = false;
  for (const RankProcess& rank : ranks_) {
    // A rank that was hung may have moved on when it was told to end.
    const bool ended_well = !rank.failed_by_itself;
    all_done = all_done && ended_well && rank.exit_code == kExitDone;
    all_stopped = all_stopped && ended_well && rank.exit_code == kExitStopped;
    bad_input = bad_input || (rank.failed_by_itself && rank.exit_code == kExitBadInput);
  }
  if (all_done) return kExitDone;
  if (all_stopped) return kExitStopped;
  return bad_input ? kExitBadInput : kExitFailure;
}

}  // namespace ropewalk
