#include "ropewalk/base/rng.h"

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

constexpr uint64_t kGoldenGamma = 0x9e3779b97f4a7c15ull;
constexpr unsigned kFeistelRounds = 6;

uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace

uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t index) {
  uint64_t state = mix(seed + kGoldenGamma);
  state = mix((state ^ stream) + kGoldenGamma);
  return mix((state ^ index) + kGoldenGamma);
}

double random_uniform(uint64_t seed, uint64_t stream, uint64_t index) {
  // 53 bits fill a double's significand exactly.
  return static_cast<double>(random_bits(seed, stream, index) >> 11) * 0x1.0p-53;
}

IndexPermutation::IndexPermutation(uint64_t size, uint64_t seed, uint64_t stream)
    : size_(size), seed_(seed), stream_(stream), half_bits_(1) {
  ROPEWALK_CHECK(size > 0, "a permutation of nothing");
  ROPEWALK_CHECK(size <= (1ull << 62), "a permutation of more than 2^62 items");
  while ((1ull << (2 * half_bits_)) < size) ++half_bits_;
}

uint64_t IndexPermutation::operator()(uint64_t index) const {
  ROPEWALK_CHECK(index < size_, "index outside of the permutation");
  const uint64_t mask = (1ull << half_bits_) - 1;
  // The domain is less than four times the size: below four walks on average.
  do {
    uint64_t left = index >> half_bits_;
    uint64_t right = index & mask;
    for (unsigned round = 0; round < kFeistelRounds; ++round) {
      const uint64_t key = (static_cast<uint64_t>(round + 1) << 56) ^ right;
      const uint64_t next = left ^ (random_bits(seed_, stream_, key) & mask);
      left = right;
      right = next;
    }
    index = (left << half_bits_) | right;
  } while (index >= size_);
  return index;
}

}  // namespace ropewalk
