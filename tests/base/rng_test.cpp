#include "ropewalk/base/rng.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <stdexcept>
#include <vector>

namespace ropewalk {
namespace {

TEST(Rng, ValuesStayTheSameForever) {
  // Checkpoints depend on them: from an independent evaluation of the same formula.
  EXPECT_EQ(random_bits(1, 2, 3), 0xd0734750fde362b3ull);
  EXPECT_EQ(random_bits(0, 0, 0), 0x238275bc38fcbe91ull);
}

TEST(Rng, SeedStreamAndIndexAllMatterAndDoNotCommute) {
  const std::set<uint64_t> values = {random_bits(1, 2, 3),
                                     random_bits(1, 3, 2),
                                     random_bits(2, 1, 3),
                                     random_bits(3, 2, 1),
                                     random_bits(2, 3, 1),
                                     random_bits(3, 1, 2)};
  EXPECT_EQ(values.size(), 6u);
}

TEST(Rng, UniformHasTheMomentsOfTheUniformDistribution) {
  constexpr int kCount = 100000;
  double sum = 0, sum_squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double value = random_uniform(7, 1, static_cast<uint64_t>(i));
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
    sum_squares += value * value;
  }
  // Five standard errors.
  EXPECT_NEAR(sum / kCount, 0.5, 5 * std::sqrt(1.0 / 12 / kCount));
  EXPECT_NEAR(sum_squares / kCount, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / kCount));
}

TEST(IndexPermutation, EveryIndexComesExactlyOnceAtEverySize) {
  for (const uint64_t size : {1ull, 2ull, 3ull, 4ull, 5ull, 17ull, 64ull, 1000ull, 4097ull}) {
    const IndexPermutation permutation(size, 11, 3);
    std::vector<bool> seen(size, false);
    for (uint64_t i = 0; i < size; ++i) {
      const uint64_t image = permutation(i);
      ASSERT_LT(image, size);
      ASSERT_FALSE(seen[image]) << size;
      seen[image] = true;
    }
  }
}

TEST(IndexPermutation, StreamsGiveDifferentOrders) {
  const IndexPermutation first(1000, 1, 0), second(1000, 1, 1);
  int equal = 0;
  for (uint64_t i = 0; i < 1000; ++i) equal += first(i) == second(i) ? 1 : 0;
  EXPECT_LT(equal, 10);
}

TEST(IndexPermutation, NeighboursLandFarApart) {
  const IndexPermutation permutation(100000, 5, 0);
  double distance = 0;
  for (uint64_t i = 0; i + 1 < 2000; ++i) {
    distance +=
        std::abs(static_cast<double>(permutation(i)) - static_cast<double>(permutation(i + 1)));
  }
  // Two uniform points are a third of the range apart on average.
  EXPECT_NEAR(distance / 1999 / 100000, 1.0 / 3, 0.03);
}

TEST(IndexPermutation, RefusesAnIndexOutsideOfIt) {
  const IndexPermutation permutation(10, 1, 1);
  EXPECT_THROW(permutation(10), std::logic_error);
}

}  // namespace
}  // namespace ropewalk
