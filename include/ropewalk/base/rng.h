// Counter-based randomness: a value is a pure function of (seed, stream, index), so that nothing
// has to be replayed after a restart and the number of ranks does not matter.
#pragma once

#include <cstdint>

namespace ropewalk {

// 64 well-mixed bits (SplitMix64 finalizer, Steele et al., OOPSLA 2014, applied to each word).
uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t index);
// Uniform in [0, 1).
double random_uniform(uint64_t seed, uint64_t stream, uint64_t index);

// A permutation of [0, size) evaluated at one index without a table: a balanced Feistel network
// over the next power of four, with cycle walking (Black and Rogaway, CT-RSA 2002).
class IndexPermutation {
 public:
  IndexPermutation(uint64_t size, uint64_t seed, uint64_t stream);
  uint64_t operator()(uint64_t index) const;  // index < size

 private:
  uint64_t size_;
  uint64_t seed_;
  uint64_t stream_;
  unsigned half_bits_;
};

}  // namespace ropewalk
