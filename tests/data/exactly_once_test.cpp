// From documents to batches: which samples a run gets, whatever the number of ranks, the batches
// and the depth of the queue, and that an epoch holds every token as a target exactly once.
#include <gmock/gmock.h>

#include <map>

#include "data/shard_files.h"
#include "ropewalk/data/loader.h"

namespace ropewalk {
namespace {

constexpr int32_t kEos = 2;
constexpr int64_t kGlobalBatch = 24;
constexpr int64_t kLength = 16;

struct Row {
  std::vector<int64_t> inputs, targets;
  bool operator==(const Row&) const = default;
};

struct Setting {
  int world_size;
  int64_t micro_batch_size;
  int64_t prefetch;
};

const std::vector<Setting> kSettings = {{1, 1, 1}, {2, 3, 2}, {3, 2, 7}, {4, 6, 1}};

std::vector<Row> rows_of(const Batch& batch) {
  std::vector<Row> rows;
  for (int64_t row = 0; row < batch.rows; ++row) {
    const auto begin = row * batch.length;
    const auto end = begin + batch.length;
    rows.push_back({{batch.tokens.begin() + begin, batch.tokens.begin() + end},
                    {batch.targets.begin() + begin, batch.targets.begin() + end}});
  }
  return rows;
}

// What all ranks together get in `steps` optimizer steps from the cursor on, in the order of
// samples.
std::vector<Row> rows_of_run(const std::shared_ptr<const SampleSource>& samples,
                             const Setting& setting,
                             uint64_t cursor,
                             int64_t steps) {
  std::vector<std::unique_ptr<Loader>> ranks;
  BatchLayout layout{kGlobalBatch, setting.micro_batch_size, 0, setting.world_size};
  for (; layout.rank < setting.world_size; ++layout.rank) {
    ranks.push_back(
        std::make_unique<Loader>(samples, LoaderOptions{layout, cursor, setting.prefetch}));
  }
  std::vector<Row> all;
  for (int64_t i = 0; i < steps * layout.micro_steps(); ++i) {
    for (const auto& rank : ranks) {
      const std::vector<Row> rows = rows_of(rank->next());
      all.insert(all.end(), rows.begin(), rows.end());
    }
  }
  return all;
}

// Documents whose ids count up from `first`.
Documents numbered_documents(size_t count, int32_t first, uint32_t seed) {
  Documents documents = random_documents(count, 40, seed);
  for (auto& document : documents) {
    for (int32_t& id : document) id = first++;
  }
  return documents;
}

enum class Mode { kConcat, kPacked, kDocument };

std::shared_ptr<const SequenceDataset> make(Mode mode, const DocumentSelection& documents) {
  const SequenceOptions options{.sequence_length = kLength, .eos_id = kEos, .padding_id = kEos};
  if (mode == Mode::kConcat) return make_concat_dataset(documents, options);
  if (mode == Mode::kPacked) return make_packed_dataset(documents, options);
  return make_document_dataset(documents, options);
}

class ExactlyOnce : public testing::TestWithParam<std::tuple<Mode, bool>> {
 protected:
  ExactlyOnce() {
    write_shard(folder_ / "a.tokens", first_, 100'000);
    write_shard(folder_ / "b.tokens", second_, 100'000);
    const auto tokens = TokenDataset::open({folder_ / "a.tokens", folder_ / "b.tokens"});
    const Mode mode = std::get<0>(GetParam());
    const auto source = [&](size_t path, double weight) {
      return Source{std::to_string(path),
                    make(mode, DocumentSelection(tokens, tokens->documents_of(path))),
                    weight};
    };
    const std::vector<Source> sources = {source(0, 3), source(1, 1)};
    samples_ = std::make_shared<SampleSource>(is_weighted() ? SampleSource::weighted(sources, 7)
                                                            : SampleSource::in_turn(sources, 7));
  }

  bool is_weighted() const { return std::get<1>(GetParam()); }

  const Documents first_ = numbered_documents(60, 10, 1);
  const Documents second_ = numbered_documents(25, 50'000, 2);
  TemporaryFolder folder_;
  std::shared_ptr<const SampleSource> samples_;
};

TEST_P(ExactlyOnce, RanksBatchesDepthAndRestartsChangeNoSample) {
  constexpr int64_t kSteps = 12;
  const std::vector<Row> expected = rows_of_run(samples_, kSettings.front(), 0, kSteps);
  for (size_t i = 0; i < kSettings.size(); ++i) {
    EXPECT_EQ(rows_of_run(samples_, kSettings[i], 0, kSteps), expected) << i;
    // Killed after five steps and gone on with on another machine.
    std::vector<Row> rows = rows_of_run(samples_, kSettings[i], 0, 5);
    const Setting& other = kSettings[(i + 1) % kSettings.size()];
    const std::vector<Row> rest = rows_of_run(samples_, other, 5 * kGlobalBatch, kSteps - 5);
    rows.insert(rows.end(), rest.begin(), rest.end());
    EXPECT_EQ(rows, expected) << i;
  }
}

TEST_P(ExactlyOnce, AnEpochHoldsEveryTokenAsATargetOnce) {
  const Mode mode = std::get<0>(GetParam());
  const std::vector<Row> rows = rows_of_run(samples_, kSettings[1], 0, 40);
  std::vector<int64_t> rows_left;  // of the first epoch: of each source, or of all
  for (int64_t source = 0; source < 2; ++source) rows_left.push_back(samples_->size(source));
  std::map<int64_t, int> times;
  for (size_t sample = 0; sample < rows.size(); ++sample) {
    if (rows_left[samples_->place(sample).source]-- <= 0) continue;
    for (const int64_t target : rows[sample].targets) ++times[target];
  }
  for (const int64_t left : rows_left) ASSERT_LE(left, 0);
  times.erase(kEos);
  times.erase(kIgnoredTarget);
  int64_t missing = 0;
  for (const Documents& documents : {first_, second_}) {
    for (const auto& document : documents) {
      // Without a BOS nothing predicts the first token of a document that is read apart.
      const size_t begin = mode == Mode::kConcat ? 0 : 1;
      for (size_t t = begin; t < document.size(); ++t) missing += times.count(document[t]) ? 0 : 1;
    }
  }
  // Joined, the first token of each source is not predicted, and less than a row is dropped.
  EXPECT_LE(missing, mode == Mode::kConcat ? 2 * kLength : 0);
  for (const auto& [token, count] : times) EXPECT_EQ(count, 1) << token;
}

INSTANTIATE_TEST_SUITE_P(
    Modes,
    ExactlyOnce,
    testing::Combine(testing::Values(Mode::kConcat, Mode::kPacked, Mode::kDocument),
                     testing::Bool()));

}  // namespace
}  // namespace ropewalk
