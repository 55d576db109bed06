#include "ropewalk/plan/run_shape.h"

namespace ropewalk::plan {

bool is_possible(const RunShape& shape, int64_t num_heads) {
  const ParallelConfig& parallel = shape.parallel;
  const int64_t pieces = parallel.context_parallel;
  if (shape.ranks % shape.shard_ranks() != 0 || shape.ranks % pieces != 0) return false;
  if (pieces > 1 && shape.sequence_length % (2 * pieces) != 0) return false;
  const bool ulysses = parallel.context_parallel_method == ContextParallelMethod::kUlysses;
  if (ulysses && num_heads % pieces != 0) return false;
  if (shape.micro_steps() < 1 ||
      shape.global_batch_size % (shape.micro_batch_size * shape.data_ranks()) != 0) {
    return false;
  }
  Diagnostics faults;
  parallel.check(faults);
  return faults.ok();
}

}  // namespace ropewalk::plan
