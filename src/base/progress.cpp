#include "ropewalk/base/progress.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/signals.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr std::chrono::milliseconds kBetweenBeats{100};

ProgressPage unread_page{};
thread_local bool waits_are_left_out = false;
// Never unmapped: a report may come from any thread as long as the process lives.
std::atomic<ProgressPage*> reported_page{&unread_page};
std::atomic<int64_t> reported_step_at_ns{0};

ProgressPage& page() { return *reported_page.load(std::memory_order_acquire); }

ProgressPage* map_page(const std::string& variable) {
  const auto refuse = [&](const std::string& fault) -> IoError {
    return IoError(std::string(kHeartbeatVariable) + ": found \"" + variable + "\", " + fault +
                   "; the variables of ropewalk's agent are its own, do not set them by hand");
  };
  const auto descriptor = parse_int(variable);
  struct stat status {};
  if (!descriptor || ::fstat(*descriptor, &status) != 0 ||
      status.st_size < static_cast<off_t>(sizeof(ProgressPage))) {
    throw refuse("expected the descriptor of a shared page");
  }
  void* mapped =
      ::mmap(nullptr, sizeof(ProgressPage), PROT_READ | PROT_WRITE, MAP_SHARED, *descriptor, 0);
  if (mapped == MAP_FAILED) throw refuse(std::strerror(errno));
  return static_cast<ProgressPage*>(mapped);
}

}  // namespace

std::string describe(Phase phase) {
  switch (phase) {
    case Phase::kStarting:
      return "starting";
    case Phase::kLoading:
      return "loading";
    case Phase::kWaitingForData:
      return "waiting for data";
    case Phase::kComputing:
      return "forward and backward";
    case Phase::kUpdating:
      return "update";
    case Phase::kLogging:
      return "writing the log";
    case Phase::kSaving:
      return "saving";
    case Phase::kEvaluating:
      return "evaluating";
    case Phase::kEnding:
      return "ending";
  }
  return "an unknown phase";
}

bool is_within_step(Phase phase) {
  return phase == Phase::kWaitingForData || phase == Phase::kComputing ||
         phase == Phase::kUpdating || phase == Phase::kLogging;
}

void report_phase(Phase phase) {
  page().phase = phase;
  ++page().changes;
}

void report_step(int64_t step) {
  page().step = step;
  const int64_t now_ns =
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  const int64_t before_ns = reported_step_at_ns.exchange(now_ns);
  if (before_ns != 0) {
    const uint64_t number = page().num_step_lengths;
    page().step_lengths_ns[number % kKeptStepLengths] = now_ns - before_ns;
    page().num_step_lengths = number + 1;
  }
  ++page().changes;
}

void report_saved(int64_t step) {
  page().saved_step = step;
  ++page().changes;
}

PhaseScope::PhaseScope(Phase phase) : before_(page().phase) { report_phase(phase); }

WaitingForRanks::WaitingForRanks() {
  if (waits_are_left_out) return;
  ++page().num_waits;
  ++page().changes;
}

WaitingForRanks::~WaitingForRanks() {
  if (waits_are_left_out) return;
  --page().num_waits;
  ++page().changes;
}

void leave_out_waits_of_this_thread() { waits_are_left_out = true; }

Heartbeat::Heartbeat() {
  const char* variable = std::getenv(kHeartbeatVariable);
  if (variable == nullptr) return;
  reported_page.store(map_page(variable), std::memory_order_release);
  ++page().beats;
  thread_ = std::thread([this] { beat(); });
}

Heartbeat::~Heartbeat() {
  report_phase(Phase::kEnding);
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Heartbeat::beat() {
  block_stop_signals_in_this_thread();
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kBetweenBeats, [this] { return stop_; })) ++page().beats;
}

}  // namespace ropewalk
