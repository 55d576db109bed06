// Time as agents measure it; private to launch.
#pragma once

#include <chrono>

namespace ropewalk {

using Clock = std::chrono::steady_clock;

inline Clock::time_point deadline_in(double seconds) {
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

inline double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace ropewalk
