// Whether the memory of this machine will do for a run.
#pragma once

#include <c10/core/Device.h>

#include "ropewalk/launch/rank_environment.h"
#include "ropewalk/settings/train_inputs.h"

namespace ropewalk::cli {

// Warns where a rank is expected to need more than there is. On GPUs that is what is free on the
// rank's own, on CPUs its share of what the machine has left.
void warn_when_memory_will_not_do(const TrainInputs& inputs,
                                  const RankEnvironment& ranks,
                                  c10::Device device);

}  // namespace ropewalk::cli
