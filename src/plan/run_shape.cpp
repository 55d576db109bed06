#include "ropewalk/plan/run_shape.h"

#include <string>

namespace ropewalk::plan {
namespace {

std::string ranks_text(int64_t ranks) {
  return std::to_string(ranks) + (ranks == 1 ? " rank" : " ranks");
}

void check_sharing(const RunShape& shape, Diagnostics& faults) {
  const ParallelConfig& parallel = shape.parallel;
  if (parallel.shard_size > 0 && shape.ranks % parallel.shard_size != 0) {
    faults.error("parallel.shard_size",
                 "found " + std::to_string(parallel.shard_size) + " on " + ranks_text(shape.ranks) +
                     ", expected a divisor of the number of ranks, or 0 for all of them");
  }
}

void check_context(const RunShape& shape, int64_t num_kv_heads, Diagnostics& faults) {
  const int64_t pieces = shape.parallel.context_parallel;
  if (shape.ranks % pieces != 0) {
    faults.error("parallel.context_parallel",
                 "found " + std::to_string(pieces) + " on " + ranks_text(shape.ranks) +
                     ", expected a divisor of the number of ranks");
  }
  if (pieces > 1 && shape.sequence_length % (2 * pieces) != 0) {
    faults.error("data.sequence_length",
                 "found " + std::to_string(shape.sequence_length) +
                     " with parallel.context_parallel " + std::to_string(pieces) +
                     ", expected a multiple of " + std::to_string(2 * pieces) +
                     ": each rank takes two equal pieces. Nearest below: " +
                     std::to_string(shape.sequence_length / (2 * pieces) * (2 * pieces)));
  }
  const bool ulysses = shape.parallel.context_parallel_method == ContextParallelMethod::kUlysses;
  if (ulysses && num_kv_heads % pieces != 0) {
    faults.error("parallel.context_parallel",
                 "found " + std::to_string(pieces) + " with context_parallel_method ulysses and " +
                     std::to_string(num_kv_heads) +
                     " key-value heads, expected a divisor of them; or set the method to ring");
  }
}

}  // namespace

void check_shape(const RunShape& shape, int64_t num_kv_heads, Diagnostics& faults) {
  check_sharing(shape, faults);
  check_context(shape, num_kv_heads, faults);
}

}  // namespace ropewalk::plan
