#include "ropewalk/data/sampler.h"

#include <string>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/rng.h"

namespace ropewalk {

Sampler::Sampler(int64_t num_sequences, uint64_t seed)
    : num_sequences_(static_cast<uint64_t>(num_sequences)), seed_(seed) {
  ROPEWALK_CHECK(num_sequences >= 1, "a dataset has at least one sequence");
}

int64_t Sampler::sequence(uint64_t sample) const {
  const IndexPermutation order(num_sequences_, seed_, epoch(sample));
  return static_cast<int64_t>(order(sample % num_sequences_));
}

void BatchLayout::check() const {
  ROPEWALK_CHECK(world_size >= 1 && rank >= 0 && rank < world_size, "rank out of range");
  if (global_batch_size < 1 || micro_batch_size < 1 ||
      global_batch_size % samples_per_micro_step() != 0) {
    throw ConfigError("train.global_batch_size: found " + std::to_string(global_batch_size) +
                      "; expected a multiple of train.micro_batch_size (" +
                      std::to_string(micro_batch_size) + ") times the number of ranks (" +
                      std::to_string(world_size) + "), such as " +
                      std::to_string(samples_per_micro_step()) + "; change one of the three");
  }
}

}  // namespace ropewalk
