// Tells which rank holds all others up; private to launch. Knows nothing of processes: it is shown
// what the ranks' pages say, and when.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launch/clock.h"
#include "launch/rank_page.h"

namespace ropewalk {

struct WatchdogLimits {
  // A rank without a sign of life, or that stands still within a step, is reported before this has
  // passed; steps may make the second longer. 0: never.
  double hang_s = 0;
  // Stands for the length of steps as long as too few were seen. 0: no limit.
  double first_steps_s = 0;
};

// Steps of this many times the median length are hung.
inline constexpr double kLongestStepInMedians = 5;

class Watchdog {
 public:
  explicit Watchdog(const WatchdogLimits& limits) : limits_(limits) {}

  // How often it wants to look; empty when it is off.
  std::optional<double> period_s() const;
  // Of the ranks that run, empty for others; always the same number. Returns the one that holds the
  // others up. `all_ranks`: none runs elsewhere.
  std::optional<size_t> look(Clock::time_point now,
                             const std::vector<std::optional<RankState>>& ranks,
                             bool all_ranks);
  // All limits start anew: something else than the ranks has held them up.
  void forgive(Clock::time_point now);

  // "frozen: no sign of life for 8.1 s, in step 17 (forward and backward)", as last seen.
  std::string fault_of(size_t rank, Clock::time_point now) const;
  // "in step 17 (forward and backward), waits for other ranks, since 8.1 s"
  std::string describe_rank(size_t rank, Clock::time_point now) const;

 private:
  struct Seen {
    std::optional<RankState> state;
    Clock::time_point beat_at, change_at;
  };

  void update(Clock::time_point now, const std::vector<std::optional<RankState>>& ranks);
  std::optional<double> step_limit_s(const RankState& state) const;
  bool is_frozen(const Seen& rank, Clock::time_point now) const;
  bool stands_still(const Seen& rank, Clock::time_point now) const;

  WatchdogLimits limits_;
  std::vector<Seen> ranks_;
  std::optional<Clock::time_point> looked_at_;
};

}  // namespace ropewalk
