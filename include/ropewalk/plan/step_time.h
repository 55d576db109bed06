// How long an optimizer step takes, from its operations, the bytes it moves and the hardware's
// rates: an estimate to compare settings with, not a promise.
#pragma once

#include "ropewalk/plan/hardware.h"
#include "ropewalk/plan/memory.h"

namespace ropewalk::plan {

// Shares of the hardware's rates that a step reaches.
struct SpeedFacts {
  double product_efficiency = 0.50;
  double attention_efficiency = 0.35;
  double memory_efficiency = 0.80;
  double link_efficiency = 0.70;
  // Of the time of computing, what collectives and copies can hide behind.
  double overlap = 0.80;
  // Times that a kept tensor's bytes pass through memory: made and read in forward, read in
  // backward beside its gradient, which is made and read; and the temporaries between kernels.
  double passes = 12.0;
};

// Of one rank, for one optimizer step.
struct StepTime {
  double flops = 0.0;         // recomputation included
  double memory_bytes = 0.0;  // moved
  double sent_bytes = 0.0;    // to other ranks
  double host_bytes = 0.0;    // to and from host memory
  double compute_s = 0.0;
  double memory_s = 0.0;
  double network_s = 0.0;
  double host_s = 0.0;
  double step_s = 0.0;
  double tokens_per_second = 0.0;  // of all ranks
};

StepTime plan_step_time(const DecoderSpec& spec,
                        const RunShape& shape,
                        const Hardware& hardware,
                        const SpeedFacts& facts = {});

}  // namespace ropewalk::plan
