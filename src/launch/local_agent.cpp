#include "ropewalk/launch/local_agent.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include "launch/rank_process.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

using Clock = std::chrono::steady_clock;

std::string describe_end(const RankProcess& rank, int index) {
  std::string text =
      "rank " + std::to_string(index) + " (process " + std::to_string(rank.pid) + ") ";
  if (rank.exit_code) return text + "ended with exit code " + std::to_string(*rank.exit_code);
  text +=
      "was killed by signal " + std::to_string(rank.signal) + " (" + ::strsignal(rank.signal) + ")";
  if (rank.signal == SIGKILL) text += "; if nobody did, the machine ran out of memory";
  return text;
}

// Blocks the signals that the agent waits for; the ranks get the old mask back.
class SignalMask {
 public:
  SignalMask() {
    ::sigemptyset(&waited_);
    for (const int number : {SIGCHLD, SIGTERM, SIGINT}) ::sigaddset(&waited_, number);
    ::sigprocmask(SIG_BLOCK, &waited_, &before_);
    // With SIGCHLD ignored, as some parents leave it, the kernel would keep no exit codes.
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    ::sigaction(SIGCHLD, &action, &before_child_);
  }
  ~SignalMask() {
    ::sigaction(SIGCHLD, &before_child_, nullptr);
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  SignalMask(const SignalMask&) = delete;
  SignalMask& operator=(const SignalMask&) = delete;
  const sigset_t& waited() const { return waited_; }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t waited_{};
  sigset_t before_{};
  struct sigaction before_child_ {};
};

class Agent {
 public:
  Agent(const AgentOptions& options, const SignalMask& mask)
      : options_(options), mask_(mask), ranks_(static_cast<size_t>(options.num_ranks)) {}

  ~Agent() { end_and_reap(); }

  int run() {
    start();
    while (num_running() > 0) wait_for_event();
    return result();
  }

 private:
  void start() {
    const StoreSocket store;
    for (int i = 0; i < options_.num_ranks; ++i) {
      ranks_[static_cast<size_t>(i)] = start_rank(options_, store, i, mask_.before());
    }
    // Closed here: only rank 0 holds the socket, so that connections end with it.
  }

  void wait_for_event() {
    siginfo_t info{};
    int number;
    if (kill_at_) {
      const auto left = std::max(Clock::duration::zero(), *kill_at_ - Clock::now());
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
      const timespec wait{
          seconds.count(),
          std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds).count()};
      number = ::sigtimedwait(&mask_.waited(), &info, &wait);
    } else {
      number = ::sigwaitinfo(&mask_.waited(), &info);
    }
    if (number == SIGCHLD) {
      reap();
    } else if (number > 0) {
      on_stop_signal(number);
    } else if (errno == EAGAIN && kill_at_) {
      log_error("ranks still run " + format_number(options_.grace_s) +
                " s after SIGTERM; killing them");
      kill_at_.reset();
      signal_all(SIGKILL);
    }
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

  void reap() {
    for (size_t i = 0; i < ranks_.size(); ++i) {
      RankProcess& rank = ranks_[i];
      if (!rank.running || !rank.reap()) continue;
      if (rank.exit_code == kExitDone || rank.exit_code == kExitStopped) continue;
      // Ends that the agent itself brought about are no news.
      if (ending_ || killed_by_user_) continue;
      rank.failed_by_itself = true;
      log_error(describe_end(rank, static_cast<int>(i)) +
                (num_running() > 0 ? "; ending the other ranks" : ""));
    }
    for (const RankProcess& rank : ranks_) {
      if (rank.failed_by_itself && !ending_) end_others();
    }
  }

  void end_others() {
    ending_ = true;
    signal_all(SIGTERM);
    kill_at_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                  std::chrono::duration<double>(options_.grace_s));
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
    bool all_done = true, all_stopped = true, bad_input = false;
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
  const SignalMask& mask_;
  std::vector<RankProcess> ranks_;
  std::optional<Clock::time_point> stop_requested_at_;
  std::optional<Clock::time_point> kill_at_;
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
  const SignalMask mask;
  return Agent(options, mask).run();
}

}  // namespace ropewalk
