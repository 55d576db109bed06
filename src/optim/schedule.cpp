#include "ropewalk/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ropewalk {

double learning_rate_at(const ScheduleConfig& config,
                        double base_rate,
                        int64_t step,
                        int64_t total_steps) {
  if (step < config.warmup_steps) {
    const double start = config.warmup_start_fraction;
    const double done = static_cast<double>(step) / static_cast<double>(config.warmup_steps);
    return base_rate * (start + (1.0 - start) * done);
  }
  const double span = static_cast<double>(std::max<int64_t>(1, total_steps - config.warmup_steps));
  const double progress = std::min(1.0, static_cast<double>(step - config.warmup_steps) / span);
  const double last = config.final_fraction;
  switch (config.type) {
    case ScheduleType::kConstant:
      return base_rate;
    case ScheduleType::kLinear:
      return base_rate * (last + (1.0 - last) * (1.0 - progress));
    case ScheduleType::kCosine:
      return base_rate *
             (last + (1.0 - last) * 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
  }
  return base_rate;
}

}  // namespace ropewalk
