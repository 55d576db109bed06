#include "ropewalk/base/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

std::atomic<int> received_signal{0};
std::atomic<int64_t> received_at_ns{0};
std::atomic<int64_t> duplicate_window_ns{0};
static_assert(std::atomic<int64_t>::is_always_lock_free, "read and written in a signal handler");

int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);  // async-signal-safe
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

extern "C" void on_stop_signal(int number) {
  int none = 0;
  if (received_signal.compare_exchange_strong(none, number)) {
    received_at_ns = monotonic_ns();
    return;
  }
  if (monotonic_ns() - received_at_ns < duplicate_window_ns) return;
  _exit(128 + number);
}

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kStopSignals) sigaddset(&set, number);
  return set;
}

}  // namespace

void install_stop_handlers(double duplicate_window_s) {
  duplicate_window_ns = static_cast<int64_t>(duplicate_window_s * 1e9);
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  // Interrupted reads and writes of the work in progress go on: the stop waits for the step border.
  action.sa_flags = SA_RESTART;
  action.sa_mask = stop_signals();
  for (const int number : kStopSignals) {
    if (sigaction(number, &action, nullptr) != 0) {
      throw IoError(std::string("installing the stop handlers: ") + std::strerror(errno));
    }
  }
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

int stop_signal() { return received_signal.load(std::memory_order_relaxed); }

void block_stop_signals_in_this_thread() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace ropewalk
