// Clipping by the global L2 norm of all gradients.
#pragma once

#include <functional>

#include "ropewalk/dist/sharded_tensor.h"

namespace ropewalk {

struct ClipResult {
  double norm = 0.0;   // before clipping
  bool finite = true;  // false: gradients were left as they are, the caller must not update
  bool clipped = false;
};

// Scales every gradient by max_norm / (norm + 1e-6) when that is below 1 (torch's rule); max_norm 0
// only measures. The norm is summed in double over fixed blocks, so that it does not depend on the
// number of threads. Gradients are reduced already, each in the part that this rank holds;
// `sum_over_shards` gives the sum over the ranks that hold the other parts, so that every rank gets
// the same bits. Parameters without a gradient are passed over.
ClipResult clip_grad_norm(const dist::NamedShardedTensors& parameters,
                          double max_norm,
                          const std::function<double(double)>& sum_over_shards);

}  // namespace ropewalk
