// What checkpoint.async_save holds of a checkpoint while it is written.
#pragma once

#include <cstdint>

#include "ropewalk/plan/run_shape.h"

namespace ropewalk::plan {

// Numbers of the model, as far as the rank that is planned has them in its optimizer's state.
struct StateCounts {
  int64_t weights = 0;
  int64_t moments = 0;  // both
};

// Bytes in host memory. In shards: the rank's own. Otherwise of the files that it writes, on the
// rank that writes most: files are shared out by size, and none is above 5 GB.
int64_t saved_copy_bytes(const StateCounts& counts, const RunShape& shape);

}  // namespace ropewalk::plan
