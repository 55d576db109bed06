#include "ropewalk/data/loader.h"

#include <gmock/gmock.h>

#include <atomic>
#include <map>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

// Sequence i holds i, i+1, ...: its first token tells which one it is.
class Counting : public SequenceDataset {
 public:
  explicit Counting(int64_t size, int64_t broken = -1) : size_(size), broken_(broken) {}
  int64_t size() const override { return size_; }
  int64_t length() const override { return 3; }
  void read(int64_t index, const SequenceRow& row) const override {
    if (index == broken_) throw DataError("sequence " + std::to_string(index) + " is damaged");
    for (int64_t t = 0; t < 3; ++t) {
      row.inputs[t] = index + t;
      row.targets[t] = index + t + 1;
    }
    row.targets[2] = index % 2 == 0 ? kIgnoredTarget : row.targets[2];
    row.document_lengths.insert(row.document_lengths.end(), {1, 2});
    ++reads;
  }
  mutable std::atomic<int64_t> reads{0};

 private:
  int64_t size_;
  int64_t broken_;
};

LoaderOptions options(
    int64_t global, int64_t micro, int rank, int world_size, uint64_t cursor = 0) {
  return {{global, micro, rank, world_size}, cursor, /*prefetch=*/3};
}

std::shared_ptr<const SampleSource> samples_of(std::shared_ptr<const SequenceDataset> data) {
  return std::make_shared<SampleSource>(SampleSource::in_turn({{"data", std::move(data)}}, 5));
}

std::vector<int64_t> sequences_of(const Batch& batch) {
  std::vector<int64_t> sequences;
  for (int64_t row = 0; row < batch.rows; ++row) {
    sequences.push_back(batch.tokens[row * batch.length]);
  }
  return sequences;
}

// The sequences of one optimizer step of all ranks, in the order of samples.
std::vector<int64_t> step_of(std::vector<std::unique_ptr<Loader>>& ranks, int64_t micro_steps) {
  std::vector<int64_t> sequences;
  for (int64_t i = 0; i < micro_steps; ++i) {
    for (auto& loader : ranks) {
      const std::vector<int64_t> rows = sequences_of(loader->next());
      sequences.insert(sequences.end(), rows.begin(), rows.end());
    }
  }
  return sequences;
}

std::vector<std::unique_ptr<Loader>> loaders(const std::shared_ptr<const SequenceDataset>& data,
                                             int world_size,
                                             uint64_t cursor = 0) {
  std::vector<std::unique_ptr<Loader>> ranks;
  for (int rank = 0; rank < world_size; ++rank) {
    ranks.push_back(
        std::make_unique<Loader>(samples_of(data), options(12, 1, rank, world_size, cursor)));
  }
  return ranks;
}

TEST(Loader, EveryNumberOfRanksConsumesTheSameSamplesEachStep) {
  const auto data = std::make_shared<Counting>(31);
  auto one = loaders(data, 1);
  auto two = loaders(data, 2);
  auto three = loaders(data, 3);
  auto four = loaders(data, 4);
  for (int step = 0; step < 8; ++step) {  // across three epochs
    const std::vector<int64_t> expected = step_of(one, 12);
    EXPECT_EQ(step_of(two, 6), expected) << step;
    EXPECT_EQ(step_of(three, 4), expected) << step;
    EXPECT_EQ(step_of(four, 3), expected) << step;
  }
}

TEST(Loader, BatchesHoldInputsAndShiftedTargets) {
  Loader loader(samples_of(std::make_shared<Counting>(31)), options(4, 2, 0, 1));
  const Batch batch = loader.next();
  EXPECT_EQ(batch.rows, 2);
  EXPECT_EQ(batch.length, 3);
  ASSERT_EQ(batch.tokens.size(), 6u);
  int64_t counted = 0;
  for (size_t i = 0; i < 6; ++i) {
    const bool ignored = i % 3 == 2 && batch.tokens[i - 2] % 2 == 0;
    EXPECT_EQ(batch.targets[i], ignored ? kIgnoredTarget : batch.tokens[i] + 1);
    counted += ignored ? 0 : 1;
  }
  EXPECT_EQ(batch.document_lengths, (std::vector<int64_t>{1, 2, 1, 2}));
  EXPECT_EQ(batch.source_tokens, std::vector<int64_t>{counted});
  EXPECT_EQ(batch.cursor, 2u);
}

TEST(Loader, ResumingAtAnyCursorGivesTheSameBatches) {
  const auto data = std::make_shared<Counting>(10);
  Loader whole(samples_of(data), options(2, 1, 0, 1));
  std::vector<std::vector<int64_t>> batches;
  for (int i = 0; i < 40; ++i) batches.push_back(sequences_of(whole.next()));
  for (uint64_t cursor = 0; cursor < 30; ++cursor) {
    Loader resumed(samples_of(data), options(2, 1, 0, 1, cursor));
    EXPECT_EQ(resumed.cursor(), cursor);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(sequences_of(resumed.next()), batches[cursor + i]);
    EXPECT_EQ(resumed.cursor(), cursor + 10);
  }
}

TEST(Loader, DepthOfTheQueueChangesNothing) {
  const auto samples = samples_of(std::make_shared<Counting>(31));
  const BatchLayout layout{4, 2, 1, 2};
  Loader shallow(samples, {layout, /*cursor=*/8, /*prefetch=*/1});
  Loader deep(samples, {layout, /*cursor=*/8, /*prefetch=*/20});
  for (int i = 0; i < 40; ++i) EXPECT_EQ(sequences_of(shallow.next()), sequences_of(deep.next()));
}

TEST(Loader, ResumingOnAnotherNumberOfRanksGoesOnWithTheSameSamples) {
  const auto data = std::make_shared<Counting>(31);
  auto undisturbed = loaders(data, 1);
  auto before = loaders(data, 3);
  for (int step = 0; step < 4; ++step) EXPECT_EQ(step_of(before, 4), step_of(undisturbed, 12));
  const uint64_t cursor = before[0]->cursor();
  for (auto& loader : before) EXPECT_EQ(loader->cursor(), cursor);
  auto after = loaders(data, 2, cursor);
  for (int step = 0; step < 4; ++step) EXPECT_EQ(step_of(after, 6), step_of(undisturbed, 12));
}

TEST(Loader, AnEpochCountsEachSequenceOnceAcrossRanksAndResumes) {
  const auto data = std::make_shared<Counting>(24);
  std::map<int64_t, int> seen;
  auto ranks = loaders(data, 2);
  for (const int64_t sequence : step_of(ranks, 6)) ++seen[sequence];
  ranks = loaders(data, 4, ranks[0]->cursor());
  for (const int64_t sequence : step_of(ranks, 3)) ++seen[sequence];
  EXPECT_EQ(seen.size(), 24u);
  for (const auto& [sequence, count] : seen) EXPECT_EQ(count, 1) << sequence;
  EXPECT_EQ(ranks[0]->epochs(), 1.0);
}

TEST(Loader, ACrossedEpochIsLoggedOnce) {
  Loader loader(samples_of(std::make_shared<Counting>(5)), options(2, 2, 0, 1));
  testing::internal::CaptureStderr();
  for (int i = 0; i < 6; ++i) loader.next();  // samples 0..11: epochs 2 and 3 begin
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::HasSubstr("epoch 2 begins after 5 sequences"));
  EXPECT_THAT(log, testing::HasSubstr("epoch 3 begins after 10 sequences"));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2);
}

TEST(Loader, AFaultIsThrownAtItsBatchAndAgain) {
  const auto data = std::make_shared<Counting>(20, /*broken=*/7);
  const Sampler sampler(20, 5);
  Loader loader(samples_of(data), options(1, 1, 0, 1));
  for (uint64_t sample = 0; sampler.sequence(sample) != 7; ++sample) EXPECT_NO_THROW(loader.next());
  EXPECT_THROW(loader.next(), DataError);
  EXPECT_THROW(loader.next(), DataError);
}

TEST(Loader, NoMoreIsReadThanTheQueueHolds) {
  const auto data = std::make_shared<Counting>(1000);
  {
    Loader loader(samples_of(data), options(1, 1, 0, 1));
    loader.next();
  }
  // One taken, three queued, one in the making.
  EXPECT_LE(data->reads, 5);
}

}  // namespace
}  // namespace ropewalk
