#include "launch/watchdog.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr double kLongestPeriod_s = 0.25;
// Parts of the limit after which a rank is reported, so that it is within the limit: the one that
// stands still comes later, as it may do so because of a frozen one on another machine.
constexpr double kFrozenPart = 0.8, kStandingPart = 0.9;
// An agent that was not run itself for this long knows nothing of its ranks.
constexpr double kLongestGap_s = 2;

std::string short_seconds(double seconds) {
  return format_number(std::round(10 * seconds) / 10) + " s";
}

std::string place_of(const RankState& state) {
  const std::string phase = describe(state.phase);
  if (!state.begun) return "starting its program";
  if (state.phase == Phase::kStarting || state.phase == Phase::kLoading) return phase;
  const bool in_next_step = is_within_step(state.phase) && state.phase != Phase::kLogging;
  if (in_next_step) return "in step " + std::to_string(state.step + 1) + " (" + phase + ")";
  return "after step " + std::to_string(state.step) + " (" + phase + ")";
}

}  // namespace

std::optional<double> Watchdog::period_s() const {
  if (limits_.hang_s <= 0) return std::nullopt;
  return std::min(kLongestPeriod_s, limits_.hang_s / 20);
}

void Watchdog::forgive(Clock::time_point now) {
  for (Seen& rank : ranks_) rank.beat_at = rank.change_at = now;
}

void Watchdog::update(Clock::time_point now, const std::vector<std::optional<RankState>>& ranks) {
  ranks_.resize(ranks.size());
  const double longest_gap_s = *period_s() + std::min(kLongestGap_s, limits_.hang_s / 2);
  const bool was_away = looked_at_ && seconds_between(*looked_at_, now) > longest_gap_s;
  looked_at_ = now;
  for (size_t i = 0; i < ranks.size(); ++i) {
    Seen& seen = ranks_[i];
    const std::optional<RankState>& state = ranks[i];
    if (!state || !seen.state || state->beats != seen.state->beats) seen.beat_at = now;
    if (!state || !seen.state || state->changes != seen.state->changes) seen.change_at = now;
    seen.state = state;
  }
  if (was_away) forgive(now);
}

std::optional<double> Watchdog::step_limit_s(const RankState& state) const {
  if (state.step_s > 0) return std::max(limits_.hang_s, kLongestStepInMedians * state.step_s);
  if (limits_.first_steps_s <= 0) return std::nullopt;
  return std::max(limits_.hang_s, limits_.first_steps_s);
}

bool Watchdog::is_frozen(const Seen& rank, Clock::time_point now) const {
  return rank.state && rank.state->begun && rank.state->phase != Phase::kEnding &&
         seconds_between(rank.beat_at, now) >= kFrozenPart * limits_.hang_s;
}

bool Watchdog::stands_still(const Seen& rank, Clock::time_point now) const {
  if (!rank.state || !rank.state->begun || !is_within_step(rank.state->phase)) return false;
  const std::optional<double> limit_s = step_limit_s(*rank.state);
  return limit_s && seconds_between(rank.change_at, now) >= kStandingPart * *limit_s;
}

std::optional<size_t> Watchdog::look(Clock::time_point now,
                                     const std::vector<std::optional<RankState>>& ranks,
                                     bool all_ranks) {
  if (limits_.hang_s <= 0) return std::nullopt;
  update(now, ranks);
  // What makes a rank the likelier culprit comes first.
  using Suspicion = std::tuple<int, int64_t, Clock::time_point>;
  std::optional<std::pair<Suspicion, size_t>> worst;
  bool all_wait = all_ranks;
  for (size_t i = 0; i < ranks_.size(); ++i) {
    const Seen& rank = ranks_[i];
    if (!rank.state) continue;
    const bool frozen = is_frozen(rank, now), stands = stands_still(rank, now);
    all_wait = all_wait && stands && rank.state->waits;
    if (!frozen && !stands) continue;
    const Suspicion suspicion =
        frozen ? Suspicion{0, 0, rank.beat_at}
               : Suspicion{rank.state->waits ? 2 : 1, rank.state->step, rank.change_at};
    if (!worst || suspicion < worst->first) worst = {suspicion, i};
  }
  if (!worst) return std::nullopt;
  const bool only_waits = std::get<0>(worst->first) == 2;
  if (only_waits && !all_wait) return std::nullopt;
  return worst->second;
}

std::string Watchdog::describe_rank(size_t rank, Clock::time_point now) const {
  if (rank >= ranks_.size()) return "not looked at";
  const Seen& seen = ranks_[rank];
  if (!seen.state) return "ended";
  return place_of(*seen.state) + (seen.state->waits ? ", waits for other ranks" : "") +
         ", unchanged for " + short_seconds(seconds_between(seen.change_at, now));
}

std::string Watchdog::fault_of(size_t rank, Clock::time_point now) const {
  const Seen& seen = ranks_.at(rank);
  if (is_frozen(seen, now)) {
    return "is frozen: no sign of life for " + short_seconds(seconds_between(seen.beat_at, now)) +
           ", " + place_of(*seen.state);
  }
  return "is hung: " + describe_rank(rank, now);
}

}  // namespace ropewalk
