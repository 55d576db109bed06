#include "launch/agent.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "launch/process_condition.h"
#include "launch/rendezvous.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/nonce.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

WatchdogLimits limits_of(const HangLimits& limits) {
  return {.hang_s = limits.hang_s, .first_steps_s = limits.first_steps_s};
}

}  // namespace

Agent::Agent(const AgentOptions& options, AgentSignals& signals)
    : options_(options),
      signals_(signals),
      ranks_(options, signals),
      state_{.watchdog = Watchdog(limits_of(options.hang))} {}

int Agent::run() {
  meet();
  for (;;) {
    start_ranks();
    run_attempt();
    const AttemptEnd end = attempt_end();
    if (nodes_) {
      if (const auto code = finish_with_others(end)) return *code;
    } else if (!start_again_alone(end)) {
      return end.exit_code;
    }
  }
}

void Agent::meet() {
  if (options_.nodes.num_nodes == 1) {
    attempt_.nonce = make_nonce();
    store_ = local_store();
    return;
  }
  Meeting meeting = meet_other_nodes(options_, signals_);
  store_ = std::move(meeting.store);
  attempt_.nonce = std::move(meeting.nonce);
  nodes_ = std::move(meeting.link);
}

void Agent::start_ranks() {
  ranks_.start(attempt_, store_);
  // Only rank 0 holds the socket from here on, so that connections end with it.
  store_.listening.close();
  state_ = {.watchdog = Watchdog(limits_of(options_.hang))};
}

void Agent::run_attempt() {
  while (ranks_.num_running() > 0) wait_for_event();
}

AttemptEnd Agent::attempt_end() const {
  int code = ranks_.result();
  if (state_.failed_elsewhere && code != kExitBadInput) {
    code = *state_.failed_elsewhere == kExitBadInput ? kExitBadInput : kExitFailure;
  }
  return {code,
          /*may_restart=*/code != kExitBadInput && !stop_requested_at_,
          std::max(attempt_.progress, ranks_.progress())};
}

bool Agent::may_restart(const AttemptEnd& end) const {
  return end.exit_code == kExitFailure && end.may_restart && !stop_requested_at_ &&
         attempt_.number < options_.restart.max_restarts;
}

bool Agent::pause_before_restart(const AttemptEnd& end) {
  log_warn("restart " + std::to_string(attempt_.number + 1) + " of " +
           std::to_string(options_.restart.max_restarts) + ": " +
           (state_.reason.empty() ? "the ranks ended with different exit codes" : state_.reason) +
           (end.progress == JobProgress::kSaved ? "; goes on from the newest checkpoint" : ""));
  const auto until = deadline_in(options_.restart.pause_s);
  while (Clock::now() < until && !stop_requested_at_) {
    wait_for_event(until);
    if (nodes_ && !nodes_->attempt_end()->may_restart) return false;
  }
  if (stop_requested_at_) log_warn("stopped by a signal before the restart");
  return !stop_requested_at_;
}

bool Agent::start_again_alone(const AttemptEnd& end) {
  if (!may_restart(end) || !pause_before_restart(end)) return false;
  attempt_ = {attempt_.number + 1, end.progress, make_nonce()};
  store_ = local_store();
  return true;
}

std::optional<int> Agent::finish_with_others(const AttemptEnd& own) {
  nodes_->tell_finished(own);
  for (;;) {
    if (const auto end = nodes_->is_hub() ? nodes_->attempt_end() : std::nullopt) {
      if (may_restart(*end) && pause_before_restart(*end)) {
        attempt_ = {attempt_.number + 1, end->progress, make_nonce()};
        store_ = store_at_rendezvous(options_.nodes);
        nodes_->start_again(attempt_);
        return std::nullopt;
      }
      nodes_->end_job(end->exit_code);
    }
    if (nodes_->result()) return nodes_->result();
    // Leaving tells node 0 that this machine takes no part in another attempt.
    const bool failed = own.exit_code == kExitFailure;
    if (killed_by_user_ || (stop_requested_at_ && failed)) return kExitFailure;
    if (const auto start = nodes_->take_start()) {
      log_warn("restart " + std::to_string(start->number) + ": " + state_.reason);
      attempt_ = *start;
      return std::nullopt;
    }
    wait_for_event();
  }
}

std::optional<Clock::time_point> Agent::next_look() const {
  const auto period_s = state_.watchdog.period_s();
  if (!period_s || state_.ending || ranks_.num_running() == 0) return std::nullopt;
  return deadline_in(*period_s);
}

void Agent::wait_for_event(std::optional<Clock::time_point> until) {
  std::vector<pollfd> watched = {{signals_.descriptor(), POLLIN, 0}};
  if (nodes_) nodes_->watch(watched);
  int left_ms = -1;
  for (const auto& time : {until, state_.kill_at, next_look()}) {
    if (!time) continue;
    const double ms = std::ceil(1e3 * std::max(0.0, seconds_between(Clock::now(), *time)));
    left_ms = left_ms < 0 ? static_cast<int>(ms) : std::min(left_ms, static_cast<int>(ms));
  }
  ::poll(watched.data(), watched.size(), left_ms);
  while (const auto number = signals_.next()) {
    if (*number == SIGCHLD) {
      on_rank_ends();
    } else {
      on_stop_signal(*number);
    }
  }
  if (nodes_) {
    for (const NodeMessage& failure : nodes_->read_failures()) on_failure_elsewhere(failure);
  }
  kill_after_grace();
  look_after_ranks();
}

void Agent::kill_after_grace() {
  if (!state_.kill_at || Clock::now() < *state_.kill_at) return;
  state_.kill_at.reset();
  if (ranks_.num_running() == 0) return;
  log_error("ranks still run " + format_number(options_.grace_s) +
            " s after SIGTERM; killing them");
  ranks_.signal_all(SIGKILL);
}

void Agent::look_after_ranks() {
  if (state_.ending || killed_by_user_ || ranks_.num_running() == 0) return;
  const auto now = Clock::now();
  const auto culprit = state_.watchdog.look(now, ranks_.states(), options_.nodes.num_nodes == 1);
  if (!culprit) return;
  for (size_t i = 0; i < ranks_.size(); ++i) {
    if (!ranks_[i].running || !condition_of(ranks_[i].pid).is_held) continue;
    // Whoever holds one rank holds all others up.
    state_.watchdog.forgive(now);
    return;
  }
  on_hang(*culprit);
}

void Agent::on_hang(size_t culprit) {
  const ProcessCondition condition = condition_of(ranks_[culprit].pid);
  const std::string reason = ranks_.name(culprit) + " " +
                             state_.watchdog.fault_of(culprit, Clock::now()) + explain(condition);
  note_failure(reason);
  log_error(reason + "; ending all ranks (--hang-limit)");
  tell_where_ranks_stand();
  ranks_.mark_failed(culprit);
  if (nodes_) nodes_->tell_failed("hung", kExitFailure, reason);
  end_others();
  // It cannot answer SIGTERM.
  if (condition.state == 'T') ranks_.kill(culprit);
}

void Agent::tell_where_ranks_stand() const {
  for (size_t i = 0; i < ranks_.size(); ++i) {
    log_error("  " + ranks_.name(i) + ": " + state_.watchdog.describe_rank(i, Clock::now()));
  }
}

void Agent::on_failure_elsewhere(const NodeMessage& failure) {
  log_error(failure.text + (ranks_.num_running() > 0 ? "; ending the ranks of this machine" : ""));
  note_failure(failure.text);
  if (failure.kind == "hung" && !state_.ending) tell_where_ranks_stand();
  state_.failed_elsewhere = failure.code;
  if (!state_.ending) end_others();
}

void Agent::on_stop_signal(int number) {
  const auto now = Clock::now();
  if (!stop_requested_at_) {
    stop_requested_at_ = now;
    ranks_.signal_all(number);
    return;
  }
  if (seconds_between(*stop_requested_at_, now) < options_.duplicate_window_s) return;
  log_warn("second stop signal: killing all ranks");
  killed_by_user_ = true;
  ranks_.signal_all(SIGKILL);
}

void Agent::on_rank_ends() {
  bool any_failed = false;
  for (const size_t rank : ranks_.reap()) {
    // Ends that the agent itself brought about are no news.
    if (state_.ending || killed_by_user_) continue;
    ranks_.mark_failed(rank);
    any_failed = true;
    const std::string who = ranks_.name(rank) + " " + ranks_.describe_end(rank);
    note_failure(who);
    log_error(who + (ranks_.num_running() > 0 || nodes_ ? "; ending the other ranks" : ""));
    const int code = ranks_[rank].exit_code.value_or(kExitFailure);
    if (nodes_) nodes_->tell_failed("failed", code, who);
  }
  if (any_failed) end_others();
}

void Agent::note_failure(const std::string& reason) {
  if (state_.reason.empty()) state_.reason = reason;
}

void Agent::end_others() {
  state_.ending = true;
  ranks_.signal_all(SIGTERM);
  state_.kill_at = deadline_in(options_.grace_s);
}

}  // namespace ropewalk
