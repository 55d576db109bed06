#include <gmock/gmock.h>

#include "data/shard_files.h"
#include "formats/megatron_files.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/data/sequence_dataset.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int32_t kBos = 1;
constexpr int32_t kEos = 2;

std::vector<int64_t> joined(const std::vector<Documents>& shards, bool with_bos, bool with_eos) {
  std::vector<int64_t> stream;
  for (const Documents& documents : shards) {
    for (const auto& document : documents) {
      if (with_bos) stream.push_back(kBos);
      stream.insert(stream.end(), document.begin(), document.end());
      if (with_eos) stream.push_back(kEos);
    }
  }
  return stream;
}

SequenceOptions options(int64_t length, bool with_bos, bool with_eos = true) {
  return {.sequence_length = length,
          .bos_id = with_bos ? std::optional(kBos) : std::nullopt,
          .eos_id = with_eos ? std::optional(kEos) : std::nullopt};
}

TEST(ConcatDataset, SequencesAreTheJoinedDocumentsCutToLength) {
  TemporaryFolder folder;
  const std::vector<Documents> shards = {random_documents(20, 30, 1),
                                         {},
                                         random_documents(1, 200, 2),
                                         {{}, {}, {}},
                                         random_documents(40, 3, 3)};
  for (size_t i = 0; i < shards.size(); ++i) {
    write_shard(folder / ("shard-" + std::to_string(i) + ".tokens"), shards[i]);
  }
  const auto tokens = TokenDataset::open({folder.path()});
  for (const auto& [with_bos, with_eos] :
       {std::pair{false, true}, std::pair{true, true}, std::pair{true, false}}) {
    const std::vector<int64_t> stream = joined(shards, with_bos, with_eos);
    for (const int64_t length : {1, 2, 3, 7, 64, 501}) {
      const auto dataset =
          make_concat_dataset(DocumentSelection(tokens), options(length, with_bos, with_eos));
      ASSERT_EQ(dataset->size(), (static_cast<int64_t>(stream.size()) - 1) / length);
      std::vector<int64_t> inputs(length), targets(length);
      for (int64_t i = 0; i < dataset->size(); ++i) {
        std::vector<int64_t> lengths;
        dataset->read(i, {inputs, targets, lengths});
        EXPECT_TRUE(lengths.empty());
        const auto begin = stream.begin() + i * length;
        EXPECT_EQ(inputs, std::vector<int64_t>(begin, begin + length)) << i;
        EXPECT_EQ(targets, std::vector<int64_t>(begin + 1, begin + length + 1)) << i;
      }
    }
  }
}

// nanoGPT puts the separator behind each document, llm.c before it: either way one stands between
// two documents of the sequence.
TEST(ConcatDataset, AFileOfAnotherToolKeepsItsOwnStream) {
  TemporaryFolder folder;
  std::vector<int64_t> stream;
  for (const auto& document : random_documents(30, 20, 4)) {
    stream.insert(stream.end(), document.begin(), document.end());
    stream.push_back(kEos);
  }
  if (stream.front() == kEos) stream.insert(stream.begin(), 5);
  folder.put("behind.bin", raw_ids<uint16_t>(stream));
  stream.insert(stream.begin(), kEos);
  stream.pop_back();
  folder.put("before.bin", raw_ids<uint16_t>(stream));
  stream.erase(stream.begin());
  stream.push_back(kEos);
  for (const char* name : {"behind.bin", "before.bin"}) {
    const auto tokens = TokenDataset::open(
        {folder / name}, {.tokenizer_hash = {}, .vocab_size = 1000, .eos_id = kEos});
    const auto length = static_cast<int64_t>(stream.size()) - 1;
    const auto dataset = make_concat_dataset(DocumentSelection(tokens), options(length, false));
    std::vector<int64_t> inputs(length), targets(length), lengths;
    dataset->read(0, {inputs, targets, lengths});
    EXPECT_EQ(inputs, std::vector(stream.begin(), stream.end() - 1)) << name;
    EXPECT_EQ(targets, std::vector(stream.begin() + 1, stream.end())) << name;
  }
}

TEST(ConcatDataset, OneWholeSequenceIsEnoughAndLessIsRefusedWithNumbers) {
  TemporaryFolder folder;
  write_shard(folder / "x.tokens", {{5, 6, 7}, {8, 9}});  // with separators: 7
  const auto tokens = TokenDataset::open({folder.path()});
  EXPECT_EQ(make_concat_dataset(DocumentSelection(tokens), options(6, false))->size(), 1);
  EXPECT_THAT(error_of<DataError>(
                  [&] { make_concat_dataset(DocumentSelection(tokens), options(7, false)); }),
              AllOf(HasSubstr("2 documents of 5 tokens"),
                    HasSubstr("stream of 7"),
                    HasSubstr("at least 8"),
                    HasSubstr("length 7")));
  EXPECT_EQ(make_concat_dataset(DocumentSelection(tokens), options(7, true))->size(), 1);
}

TEST(ConcatDataset, DocumentsOfOtherLengthsAreLeftOut) {
  TemporaryFolder folder;
  write_shard(folder / "a.tokens", {{5, 6, 7}, {8}, {}, {9, 10}});
  write_shard(folder / "b.tokens", {{11}, {12, 13, 14, 15}});
  const auto tokens = TokenDataset::open({folder.path()});
  const DocumentSelection chosen(
      tokens, tokens->all_documents(), {.min_tokens = 2, .max_tokens = 3});
  EXPECT_EQ(chosen.size(), 2);
  EXPECT_EQ(chosen.num_tokens(), 5);
  const auto dataset = make_concat_dataset(chosen, options(6, false));
  std::vector<int64_t> inputs(6), targets(6), lengths;
  dataset->read(0, {inputs, targets, lengths});
  EXPECT_EQ(inputs, (std::vector<int64_t>{5, 6, 7, kEos, 9, 10}));
  EXPECT_EQ(targets, (std::vector<int64_t>{6, 7, kEos, 9, 10, kEos}));
}

}  // namespace
}  // namespace ropewalk
