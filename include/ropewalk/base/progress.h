// What a rank is doing, told to the agent that started it (launch/local_agent.h) through a page of
// memory which both have mapped. Where no agent asks for it, the calls change a page that nobody
// reads. They may be made from any thread and cost a few stores.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace ropewalk {

enum class Phase : int32_t {
  kStarting,
  kLoading,
  kWaitingForData,
  kComputing,
  kUpdating,
  kLogging,
  kSaving,
  kEvaluating,
  kEnding,
};
std::string describe(Phase phase);  // "forward and backward"
// Part of a step, whose length can be foretold from those before.
bool is_within_step(Phase phase);

inline constexpr size_t kKeptStepLengths = 31;

// Zeros are a rank that has not begun.
struct ProgressPage {
  std::atomic<uint64_t> beats;      // rises several times a second while the process runs
  std::atomic<uint64_t> changes;    // rises with every report below
  std::atomic<int64_t> step;        // finished
  std::atomic<int64_t> saved_step;  // of the last checkpoint that is durable, 0: none
  std::atomic<int32_t> num_waits;   // above 0: waits for other ranks, in a collective
  std::atomic<Phase> phase;
  // From report to report, the latest ones in a ring.
  std::atomic<uint64_t> num_step_lengths;
  std::array<std::atomic<int64_t>, kKeptStepLengths> step_lengths_ns;
};
static_assert(std::atomic<int64_t>::is_always_lock_free, "shared between processes");

void report_phase(Phase phase);
// Also, before the first step, the one that the run goes on from.
void report_step(int64_t step);
void report_saved(int64_t step);

// For a while another phase, then again the one before.
class PhaseScope {
 public:
  explicit PhaseScope(Phase phase);
  ~PhaseScope() { report_phase(before_); }
  PhaseScope(const PhaseScope&) = delete;
  PhaseScope& operator=(const PhaseScope&) = delete;

 private:
  Phase before_;
};

// A rank that stands still in here does so because of another one. Scopes may lie in each other.
class WaitingForRanks {
 public:
  WaitingForRanks();
  ~WaitingForRanks();
  WaitingForRanks(const WaitingForRanks&) = delete;
  WaitingForRanks& operator=(const WaitingForRanks&) = delete;
};

// What this thread waits for says nothing of the rank: it works beside the one that trains.
void leave_out_waits_of_this_thread();

// Descriptor of the page, in the environment of the agent's ranks.
inline constexpr const char* kHeartbeatVariable = "ROPEWALK_HEARTBEAT_FD";

// Reports go to the agent's page from now on, and a thread of its own tells that the process runs,
// until the end of the object. Does nothing in a process that no agent started. One at a time.
// Throws IoError when the variable does not name such a page.
class Heartbeat {
 public:
  Heartbeat();
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

 private:
  void beat();

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace ropewalk
