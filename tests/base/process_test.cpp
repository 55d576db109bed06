// Logging and signals change the whole process: each case runs in a child.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <string>

#include "ropewalk/base/log.h"
#include "ropewalk/base/signals.h"

namespace ropewalk {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Outcome {
  std::string standard_error;
  int exit_code = -1;
};

Outcome run_in_child(const std::function<int()>& action) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    ::_exit(action());
  }
  ::close(ends[1]);
  Outcome outcome;
  char buffer[4096];
  for (ssize_t count; (count = ::read(ends[0], buffer, sizeof(buffer))) > 0;) {
    outcome.standard_error.append(buffer, static_cast<size_t>(count));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return outcome;
}

TEST(Log, Rank0SaysEverythingAtItsLevel) {
  const Outcome outcome = run_in_child([] {
    configure_logging(LogLevel::kInfo, 0, 2);
    log_debug("hidden");
    log_info("shown {} %s");
    return 0;
  });
  EXPECT_THAT(outcome.standard_error, HasSubstr("shown {} %s\n"));
  EXPECT_THAT(outcome.standard_error, Not(HasSubstr("hidden")));
}

TEST(Log, OtherRanksSayOnlyWarningsAndCarryTheirRank) {
  const Outcome outcome = run_in_child([] {
    configure_logging(LogLevel::kInfo, 3, 4);
    log_info("hidden");
    log_warn("shown");
    return 0;
  });
  EXPECT_THAT(outcome.standard_error, HasSubstr("[rank 3] shown\n"));
  EXPECT_THAT(outcome.standard_error, Not(HasSubstr("hidden")));
}

TEST(Signals, FirstIsKeptAsAFlag) {
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) {
    const Outcome outcome = run_in_child([number] {
      install_stop_handlers();
      if (stop_signal() != 0) return 1;
      ::raise(number);
      return stop_signal() == number ? 0 : 2;
    });
    EXPECT_EQ(outcome.exit_code, 0) << number;
  }
}

TEST(Signals, OneThatCameWhileTheyWereBlockedIsKeptToo) {
  const Outcome outcome = run_in_child([] {
    block_stop_signals_in_this_thread();
    ::raise(SIGUSR1);
    install_stop_handlers();
    return stop_signal() == SIGUSR1 ? 0 : 1;
  });
  EXPECT_EQ(outcome.exit_code, 0);
}

TEST(Signals, SecondEndsTheProcessAtOnce) {
  const Outcome outcome = run_in_child([] {
    install_stop_handlers(/*duplicate_window_s=*/0);
    ::raise(SIGTERM);
    ::raise(SIGINT);
    return 0;
  });
  EXPECT_EQ(outcome.exit_code, 128 + SIGINT);
}

TEST(Signals, OneRequestHeardTwiceCountsOnce) {
  const Outcome outcome = run_in_child([] {
    install_stop_handlers(/*duplicate_window_s=*/3600);
    ::raise(SIGINT);
    ::raise(SIGINT);
    return stop_signal() == SIGINT ? 0 : 1;
  });
  EXPECT_EQ(outcome.exit_code, 0);
}

TEST(Signals, BlockedThreadDoesNotReceiveThem) {
  const Outcome outcome = run_in_child([] {
    install_stop_handlers();
    block_stop_signals_in_this_thread();
    ::raise(SIGTERM);  // to this thread: stays pending
    return stop_signal();
  });
  EXPECT_EQ(outcome.exit_code, 0);
}

}  // namespace
}  // namespace ropewalk
