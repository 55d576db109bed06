// The order of the sequences of one data set, and how a batch is dealt out to ranks.
#pragma once

#include <cstdint>

namespace ropewalk {

// Sample g of the run is sequence P(g mod N) of epoch g / N, with P a permutation drawn from
// (seed, epoch): each epoch visits every sequence exactly once, in an order of its own.
class Sampler {
 public:
  Sampler(int64_t num_sequences, uint64_t seed);
  int64_t sequence(uint64_t sample) const;
  uint64_t epoch(uint64_t sample) const { return sample / num_sequences_; }

 private:
  uint64_t num_sequences_;
  uint64_t seed_;
};

// How a step's global batch of G samples, [cursor, cursor + G), is dealt out: micro-step j takes
// the block [cursor + j*W*m, cursor + (j+1)*W*m), and rank r of W its rows [r*m, (r+1)*m). A step
// consumes the same samples whatever W and m are; only who computes them, and when, differs.
struct BatchLayout {
  int64_t global_batch_size = 1;
  int64_t micro_batch_size = 1;  // m: rows of one rank in one micro-step
  int rank = 0;
  int world_size = 1;

  // Throws ConfigError unless global_batch_size is a multiple of micro_batch_size * world_size.
  void check() const;
  int64_t samples_per_micro_step() const { return micro_batch_size * world_size; }
  int64_t micro_steps() const { return global_batch_size / samples_per_micro_step(); }
  // First sample of this rank's rows in the micro-step that begins at global sample `begin`.
  uint64_t first_row(uint64_t begin) const {
    return begin + static_cast<uint64_t>(rank) * static_cast<uint64_t>(micro_batch_size);
  }
};

}  // namespace ropewalk
