#include "ropewalk/data/sampler.h"

#include <gmock/gmock.h>

#include <vector>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

std::vector<int64_t> epoch_order(const Sampler& sampler, int64_t size, uint64_t epoch) {
  std::vector<int64_t> order;
  for (int64_t i = 0; i < size; ++i) order.push_back(sampler.sequence(epoch * size + i));
  return order;
}

TEST(Sampler, EachEpochVisitsEverySequenceOnceInItsOwnOrder) {
  for (const int64_t size : {1, 2, 5, 64, 1000}) {
    const Sampler sampler(size, 3);
    std::vector<int64_t> all(size);
    for (int64_t i = 0; i < size; ++i) all[i] = i;
    for (uint64_t epoch = 0; epoch < 3; ++epoch) {
      EXPECT_THAT(epoch_order(sampler, size, epoch), testing::UnorderedElementsAreArray(all));
    }
    if (size < 64) continue;
    EXPECT_NE(epoch_order(sampler, size, 0), epoch_order(sampler, size, 1));
    EXPECT_NE(epoch_order(sampler, size, 0), epoch_order(Sampler(size, 4), size, 0));
    EXPECT_NE(epoch_order(sampler, size, 0), all);
  }
}

TEST(Sampler, EpochsAreCountedFromTheSampleNumber) {
  const Sampler sampler(10, 0);
  EXPECT_EQ(sampler.epoch(0), 0u);
  EXPECT_EQ(sampler.epoch(9), 0u);
  EXPECT_EQ(sampler.epoch(10), 1u);
}

// Rows of all ranks in one micro-step after the other.
std::vector<uint64_t> rows_of_step(int64_t global, int64_t micro, int world_size, uint64_t cursor) {
  std::vector<uint64_t> rows;
  const int64_t micro_steps = BatchLayout{global, micro, 0, world_size}.micro_steps();
  for (int64_t step = 0; step < micro_steps; ++step) {
    for (int rank = 0; rank < world_size; ++rank) {
      const BatchLayout layout{global, micro, rank, world_size};
      const uint64_t begin = cursor + step * layout.samples_per_micro_step();
      for (int64_t row = 0; row < micro; ++row) rows.push_back(layout.first_row(begin) + row);
    }
  }
  return rows;
}

TEST(BatchLayout, AStepTakesTheSameSamplesForAnyNumberOfRanks) {
  std::vector<uint64_t> expected;
  for (uint64_t i = 0; i < 36; ++i) expected.push_back(100 + i);
  for (const int world_size : {1, 2, 3, 4}) {
    for (const int64_t micro : {1, 3}) {
      EXPECT_EQ(rows_of_step(36, micro, world_size, 100), expected) << world_size << " " << micro;
    }
  }
}

TEST(BatchLayout, ABatchThatDoesNotDivideIsRefused) {
  EXPECT_NO_THROW((BatchLayout{12, 2, 0, 3}.check()));
  EXPECT_THAT(error_of<ConfigError>([] {
                (BatchLayout{10, 2, 0, 3}.check());
              }),
              testing::AllOf(testing::HasSubstr("global_batch_size: found 10"),
                             testing::HasSubstr("ranks (3)"),
                             testing::HasSubstr("such as 6")));
}

}  // namespace
}  // namespace ropewalk
