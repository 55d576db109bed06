#include "ropewalk/data/sample_source.h"

#include <gmock/gmock.h>

#include <map>

namespace ropewalk {
namespace {

class Numbered final : public SequenceDataset {
 public:
  explicit Numbered(int64_t size) : size_(size) {}
  int64_t size() const override { return size_; }
  int64_t length() const override { return 1; }
  void read(int64_t index, const SequenceRow& row) const override { row.inputs[0] = index; }

 private:
  int64_t size_;
};

std::vector<Source> sources(const std::vector<std::pair<int64_t, double>>& sizes_and_weights) {
  std::vector<Source> made;
  for (const auto& [size, weight] : sizes_and_weights) {
    made.push_back({std::to_string(made.size()), std::make_shared<Numbered>(size), weight});
  }
  return made;
}

using Seen = std::map<std::pair<int64_t, int64_t>, int>;

Seen count(const SampleSource& samples, uint64_t begin, uint64_t end) {
  Seen seen;
  for (uint64_t sample = begin; sample < end; ++sample) {
    const auto place = samples.place(sample);
    ++seen[{place.source, place.sequence}];
  }
  return seen;
}

TEST(SampleSource, InTurnEveryEpochHoldsEachSequenceOfEachSourceOnce) {
  const auto samples = SampleSource::in_turn(sources({{5, 9}, {1, 1}, {20, 1}}), 3);
  EXPECT_EQ(samples.size(), 26);
  for (const uint64_t epoch : {0, 1, 7}) {
    const Seen seen = count(samples, epoch * 26, epoch * 26 + 26);
    EXPECT_EQ(seen.size(), 26u);
    for (const auto& [place, times] : seen) EXPECT_EQ(times, 1);
  }
  EXPECT_NE(samples.place(0).sequence * 100 + samples.place(1).sequence,
            samples.place(26).sequence * 100 + samples.place(27).sequence);
  EXPECT_EQ(samples.epochs(1, 13), 0.5);
}

TEST(SampleSource, EveryBlockHoldsExactlyTheShares) {
  const auto samples = SampleSource::weighted(sources({{50, 0.7}, {3000, 0.2}, {40, 0.1}}), 3);
  for (const uint64_t block : {0, 1, 5}) {
    std::map<int64_t, int> by_source;
    const uint64_t begin = block * SampleSource::kBlock;
    for (const auto& [place, times] : count(samples, begin, begin + SampleSource::kBlock)) {
      by_source[place.first] += times;
    }
    EXPECT_EQ(by_source[0], 7000);
    EXPECT_EQ(by_source[1], 2000);
    EXPECT_EQ(by_source[2], 1000);
  }
}

TEST(SampleSource, AWeightedSourceIsGoneThroughEvenly) {
  const auto samples = SampleSource::weighted(sources({{50, 0.7}, {3000, 0.2}, {40, 0.1}}), 3);
  const Seen seen = count(samples, 0, 3 * SampleSource::kBlock);  // 6000 samples of the second
  for (int64_t sequence = 0; sequence < 3000; ++sequence) {
    EXPECT_EQ(seen.at({1, sequence}), 2) << sequence;
  }
  for (int64_t sequence = 0; sequence < 50; ++sequence) EXPECT_EQ(seen.at({0, sequence}), 420);
  EXPECT_DOUBLE_EQ(samples.epochs(1, 3 * SampleSource::kBlock), 2.0);
}

// Also where an epoch of a source ends within a block.
TEST(SampleSource, AWeightedSourceVisitsEachSequenceOnceAnEpochOfItsOwn) {
  const auto samples = SampleSource::weighted(sources({{50, 0.7}, {3000, 0.2}, {40, 0.1}}), 3);
  std::map<int64_t, Seen> seen;  // of each source's epoch under way
  std::map<int64_t, int> num_epochs;
  for (uint64_t sample = 0; sample < 3 * SampleSource::kBlock; ++sample) {
    const auto place = samples.place(sample);
    Seen& epoch = seen[place.source];
    const int times = ++epoch[{place.source, place.sequence}];
    EXPECT_EQ(times, 1) << sample;
    if (static_cast<int64_t>(epoch.size()) < samples.size(place.source)) continue;
    epoch.clear();
    ++num_epochs[place.source];
    EXPECT_EQ(samples.epochs(place.source, sample + 1), num_epochs[place.source]);
    EXPECT_LT(samples.epochs(place.source, sample), num_epochs[place.source]);
  }
  EXPECT_EQ(num_epochs[0], 420);
  EXPECT_EQ(num_epochs[1], 2);
  EXPECT_EQ(num_epochs[2], 75);
}

TEST(SampleSource, AnyStretchOfSamplesHoldsTheSharesNearly) {
  const std::vector<double> shares = {0.7, 0.2, 0.1};
  const auto samples = SampleSource::weighted(sources({{50, 0.7}, {3000, 0.2}, {40, 0.1}}), 3);
  for (uint64_t begin = 9'000; begin < 11'000; begin += 7) {
    for (const uint64_t length : {8, 100, 1500}) {
      for (int64_t source = 0; source < 3; ++source) {
        const uint64_t found =
            samples.num_samples(source, begin + length) - samples.num_samples(source, begin);
        // Off by less than one at either end by its own place, and by the places of the others.
        EXPECT_NEAR(static_cast<double>(found), shares[source] * static_cast<double>(length), 4)
            << begin << " " << length << " " << source;
      }
    }
  }
}

TEST(SampleSource, EqualSourcesDoNotAlternateInABeat) {
  const auto samples = SampleSource::weighted(sources({{50, 1}, {50, 1}}), 3);
  int on_even_places = 0;
  for (uint64_t sample = 0; sample < 1000; sample += 2) {
    on_even_places += samples.place(sample).source == 0 ? 1 : 0;
  }
  EXPECT_GT(on_even_places, 150);
  EXPECT_LT(on_even_places, 350);
}

TEST(SampleSource, SharesOfATinyWeightAreNotLost) {
  const auto samples = SampleSource::weighted(sources({{5, 1e-9}, {5, 1.0}, {5, 1.0}}), 3);
  std::map<int64_t, int> by_source;
  for (const auto& [place, times] : count(samples, 0, SampleSource::kBlock)) {
    by_source[place.first] += times;
  }
  EXPECT_EQ(by_source[0], 1);
  EXPECT_EQ(by_source[1] + by_source[2], 9999);
}

TEST(SampleSource, TheOrderDependsOnTheSeedAndOnNothingElse) {
  const auto one = SampleSource::weighted(sources({{50, 1}, {60, 2}}), 3);
  const auto same = SampleSource::weighted(sources({{50, 1}, {60, 2}}), 3);
  const auto other = SampleSource::weighted(sources({{50, 1}, {60, 2}}), 4);
  int differ = 0;
  for (uint64_t sample = 30'000; sample < 30'100; ++sample) {
    EXPECT_EQ(one.place(sample).sequence, same.place(sample).sequence);
    differ += one.place(sample).sequence != other.place(sample).sequence ? 1 : 0;
  }
  EXPECT_GT(differ, 80);
}

}  // namespace
}  // namespace ropewalk
