// Learning rate as a pure function of the step, so that a schedule has no state to save.
#pragma once

#include <cstdint>

#include "ropewalk/optim/schedule_config.h"

namespace ropewalk {

// The rate that optimizer step `step` (0 = the first) uses, of `total_steps` in the run. With
// w = warmup_steps, f = warmup_start_fraction, e = final_fraction and base = `base_rate`:
//   step <  w:  base * (f + (1 - f) * step / w)
//   step >= w:  p = min(1, (step - w) / (total_steps - w)), and
//     constant  base
//     linear    base * (e + (1 - e) * (1 - p))
//     cosine    base * (e + (1 - e) * (1 + cos(pi p)) / 2)
// The first step after warm-up uses the full rate; the rate e * base would be that of step
// total_steps, one after the last. With f = 0 this is the usual warm-up of `transformers`.
double learning_rate_at(const ScheduleConfig& config,
                        double base_rate,
                        int64_t step,
                        int64_t total_steps);

}  // namespace ropewalk
