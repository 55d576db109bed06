#include <gmock/gmock.h>

#include <map>
#include <numeric>

#include "data/sequences/first_fit.h"
#include "data/shard_files.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/data/sequence_dataset.h"

namespace ropewalk {
namespace {

using testing::ElementsAre;

constexpr int32_t kBos = 1;
constexpr int32_t kEos = 2;
constexpr int64_t kIgnored = kIgnoredTarget;

struct Row {
  explicit Row(const SequenceDataset& dataset, int64_t index)
      : inputs(dataset.length()), targets(dataset.length()) {
    dataset.read(index, {inputs, targets, lengths});
  }
  std::vector<int64_t> inputs, targets, lengths;
};

SequenceOptions options(int64_t length, bool with_bos) {
  return {.sequence_length = length,
          .bos_id = with_bos ? std::optional(kBos) : std::nullopt,
          .eos_id = kEos,
          .padding_id = kEos};
}

std::shared_ptr<const TokenDataset> dataset_of(const TemporaryFolder& folder,
                                               const Documents& documents) {
  write_shard(folder / "x.tokens", documents);
  return TokenDataset::open({folder.path()});
}

TEST(PackedDataset, RowsHoldWholeDocumentsAndPiecesOfLongOnes) {
  TemporaryFolder folder;
  const auto tokens = dataset_of(folder, {{10, 11, 12}, {}, {20, 21, 22, 23, 24, 25}, {30, 31}});
  const auto packed = make_packed_dataset(DocumentSelection(tokens), options(5, false));
  ASSERT_EQ(packed->size(), 3);
  const Row first(*packed, 0), second(*packed, 1), third(*packed, 2);
  // 3 + 1 (the rest of the long one), then 2; the piece of full length stands behind.
  EXPECT_THAT(first.inputs, ElementsAre(10, 11, 12, 25, kEos));
  EXPECT_THAT(first.targets, ElementsAre(11, 12, kEos, kEos, kIgnored));
  EXPECT_THAT(first.lengths, ElementsAre(3, 1, 1));
  EXPECT_THAT(second.inputs, ElementsAre(30, 31, kEos, kEos, kEos));
  EXPECT_THAT(second.targets, ElementsAre(31, kEos, kIgnored, kIgnored, kIgnored));
  EXPECT_THAT(second.lengths, ElementsAre(2, 3));
  EXPECT_THAT(third.inputs, ElementsAre(20, 21, 22, 23, 24));
  EXPECT_THAT(third.targets, ElementsAre(21, 22, 23, 24, 25));
  EXPECT_THAT(third.lengths, ElementsAre(5));
}

TEST(PackedDataset, BosStandsBeforeADocumentAndNotBeforeItsPieces) {
  TemporaryFolder folder;
  const auto tokens = dataset_of(folder, {{20, 21, 22, 23, 24, 25}});
  const auto packed = make_packed_dataset(DocumentSelection(tokens), options(4, true));
  ASSERT_EQ(packed->size(), 2);
  EXPECT_THAT(Row(*packed, 0).inputs, ElementsAre(23, 24, 25, kEos));
  EXPECT_THAT(Row(*packed, 0).targets, ElementsAre(24, 25, kEos, kIgnored));
  EXPECT_THAT(Row(*packed, 1).inputs, ElementsAre(kBos, 20, 21, 22));
  EXPECT_THAT(Row(*packed, 1).targets, ElementsAre(20, 21, 22, 23));
}

TEST(PackedDataset, WithoutEosTheLastTokenPredictsNothing) {
  TemporaryFolder folder;
  const auto tokens = dataset_of(folder, {{20, 21, 22}});
  SequenceOptions without = options(4, false);
  without.eos_id.reset();
  const auto packed = make_packed_dataset(DocumentSelection(tokens), without);
  EXPECT_THAT(Row(*packed, 0).targets, ElementsAre(21, 22, kIgnored, kIgnored));
}

// Every token of every document is predicted exactly once, after the token before it, in each way
// that keeps documents apart.
TEST(PackedDataset, EveryTokenIsATargetExactlyOnce) {
  TemporaryFolder folder;
  Documents documents = random_documents(300, 90, 4);
  int32_t next = 10;
  for (auto& document : documents) {
    for (int32_t& id : document) id = next++;
  }
  write_shard(folder / "x.tokens", documents, 100'000);
  const auto tokens = TokenDataset::open({folder.path()});
  for (const int64_t length : {7, 32, 64}) {
    for (const auto make : {make_packed_dataset, make_document_dataset}) {
      const auto dataset = make(DocumentSelection(tokens), options(length, true));
      std::map<int64_t, int> targets;
      for (int64_t i = 0; i < dataset->size(); ++i) {
        const Row row(*dataset, i);
        EXPECT_EQ(std::reduce(row.lengths.begin(), row.lengths.end()), length);
        for (int64_t t = 0; t < length; ++t) {
          if (row.targets[t] == kIgnored) continue;
          ++targets[row.targets[t]];
          if (row.targets[t] != kEos && row.inputs[t] != kBos) {
            EXPECT_EQ(row.targets[t], row.inputs[t] + 1);
          }
        }
      }
      int64_t num_documents = 0;
      for (const auto& document : documents) num_documents += document.empty() ? 0 : 1;
      EXPECT_EQ(targets[kEos], num_documents);
      for (int32_t id = 10; id < next; ++id) EXPECT_EQ(targets[id], 1) << id;
    }
  }
}

TEST(DocumentDataset, EachPieceIsASequenceAndShortRestsAreLeftOut) {
  TemporaryFolder folder;
  const auto tokens =
      dataset_of(folder, {{10, 11}, {20, 21, 22, 23, 24}, {30, 31, 32, 33, 34, 35}});
  SequenceOptions options = ropewalk::options(4, false);
  options.min_piece_tokens = 2;
  const auto dataset = make_document_dataset(DocumentSelection(tokens), options);
  ASSERT_EQ(dataset->size(), 4);
  EXPECT_THAT(Row(*dataset, 0).inputs, ElementsAre(10, 11, kEos, kEos));
  EXPECT_THAT(Row(*dataset, 0).lengths, ElementsAre(2, 2));
  EXPECT_THAT(Row(*dataset, 1).targets, ElementsAre(21, 22, 23, 24));
  EXPECT_THAT(Row(*dataset, 2).inputs, ElementsAre(30, 31, 32, 33));
  EXPECT_THAT(Row(*dataset, 3).targets, ElementsAre(35, kEos, kIgnored, kIgnored));
}

// Where a shard says which tokens are trained on, the others are no targets, in every way to make
// sequences; the end of a document goes with its last token.
TEST(PackedDataset, OnlyTrainedTokensAreTargets) {
  TemporaryFolder folder;
  TokenShardWriter writer(folder / "x.tokens", 100, kTestTokenizer);
  writer.add_document(std::vector<int32_t>{10, 11, 12, 13}, std::vector<uint8_t>{0, 0, 1, 1});
  writer.add_document(std::vector<int32_t>{20, 21, 22}, std::vector<uint8_t>{0, 1, 0});
  writer.add_document(std::vector<int32_t>{30}, std::vector<uint8_t>{1});
  writer.close();
  const DocumentSelection documents(TokenDataset::open({folder.path()}));
  const auto targets_of = [](const SequenceDataset& dataset) {
    std::vector<int64_t> targets;
    for (int64_t i = 0; i < dataset.size(); ++i) {
      for (const int64_t id : Row(dataset, i).targets) {
        if (id != kIgnored) targets.push_back(id);
      }
    }
    return targets;
  };
  EXPECT_THAT(targets_of(*make_packed_dataset(documents, options(20, true))),
              ElementsAre(12, 13, kEos, 21, 30, kEos));
  EXPECT_THAT(targets_of(*make_packed_dataset(documents, options(20, false))),
              ElementsAre(12, 13, kEos, 21, kEos));
  EXPECT_THAT(targets_of(*make_document_dataset(documents, options(2, false))),
              ElementsAre(12, 13, kEos, 21, kEos));
  EXPECT_THAT(targets_of(*make_concat_dataset(documents, options(10, false))),
              ElementsAre(12, 13, kEos, 21, 30, kEos));
  EXPECT_THAT(targets_of(*make_concat_dataset(documents, options(13, true))),
              ElementsAre(12, 13, kEos, 21, 30, kEos));
  // Rows that begin and end at every place of a document. Of the 13 targets the last one, an end,
  // is dropped where it would stand alone in a row.
  EXPECT_THAT(targets_of(*make_concat_dataset(documents, options(1, true))),
              ElementsAre(12, 13, kEos, 21, 30, kEos));
  for (const int64_t length : {2, 3, 4, 6, 12}) {
    EXPECT_THAT(targets_of(*make_concat_dataset(documents, options(length, true))),
                ElementsAre(12, 13, kEos, 21, 30))
        << length;
  }
}

TEST(PackedDataset, WithoutATokenNothingCanBeMade) {
  TemporaryFolder folder;
  const auto tokens = dataset_of(folder, {{}, {}});
  EXPECT_THAT(error_of<DataError>(
                  [&] { make_packed_dataset(DocumentSelection(tokens), options(4, true)); }),
              testing::HasSubstr("2"));
}

TEST(FirstFit, TakesTheFirstBinWithRoomAndPutsWholeOnesBehind) {
  EXPECT_THAT(first_fit({6, 10, 5, 4, 5, 10, 1}, 10), ElementsAre(0, 3, 1, 0, 1, 4, 2));
  EXPECT_THAT(first_fit({10, 10}, 10), ElementsAre(0, 1));
  EXPECT_TRUE(first_fit({}, 10).empty());
}

TEST(FirstFit, NeverOverfillsAndWastesLittle) {
  std::mt19937 rng(3);
  std::vector<int32_t> sizes(20'000);
  for (int32_t& size : sizes) size = 1 + static_cast<int32_t>(rng() % 700);
  const std::vector<uint32_t> bins = first_fit(sizes, 2048);
  std::map<uint32_t, int64_t> filled;
  for (size_t i = 0; i < sizes.size(); ++i) filled[bins[i]] += sizes[i];
  for (const auto& [bin, size] : filled) EXPECT_LE(size, 2048) << bin;
  const auto total = std::reduce(sizes.begin(), sizes.end(), int64_t{0});
  EXPECT_LT(static_cast<double>(filled.size()) * 2048, 1.02 * static_cast<double>(total));
}

}  // namespace
}  // namespace ropewalk
