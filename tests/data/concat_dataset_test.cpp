#include <gmock/gmock.h>

#include "data/shard_files.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/data/sequence_dataset.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int32_t kBos = 1;
constexpr int32_t kEos = 2;

std::vector<int64_t> joined(const std::vector<Documents>& shards, bool with_bos) {
  std::vector<int64_t> stream;
  for (const Documents& documents : shards) {
    for (const auto& document : documents) {
      if (with_bos) stream.push_back(kBos);
      stream.insert(stream.end(), document.begin(), document.end());
      stream.push_back(kEos);
    }
  }
  return stream;
}

ConcatOptions options(int64_t length, bool with_bos) {
  return {length, kEos, with_bos ? std::optional(kBos) : std::nullopt};
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
  for (const bool with_bos : {false, true}) {
    const std::vector<int64_t> stream = joined(shards, with_bos);
    for (const int64_t length : {1, 2, 3, 7, 64, 501}) {
      const auto dataset = make_concat_dataset(tokens, options(length, with_bos));
      ASSERT_EQ(dataset->size(), (static_cast<int64_t>(stream.size()) - 1) / length);
      std::vector<int64_t> inputs(length), targets(length);
      for (int64_t i = 0; i < dataset->size(); ++i) {
        dataset->read(i, inputs, targets);
        const auto begin = stream.begin() + i * length;
        EXPECT_EQ(inputs, std::vector<int64_t>(begin, begin + length)) << i;
        EXPECT_EQ(targets, std::vector<int64_t>(begin + 1, begin + length + 1)) << i;
      }
    }
  }
}

TEST(ConcatDataset, OneWholeSequenceIsEnoughAndLessIsRefusedWithNumbers) {
  TemporaryFolder folder;
  write_shard(folder / "x.tokens", {{5, 6, 7}, {8, 9}});  // with separators: 7
  const auto tokens = TokenDataset::open({folder.path()});
  EXPECT_EQ(make_concat_dataset(tokens, options(6, false))->size(), 1);
  EXPECT_THAT(error_of<DataError>([&] { make_concat_dataset(tokens, options(7, false)); }),
              AllOf(HasSubstr("2 documents of 5 tokens"),
                    HasSubstr("stream of 7"),
                    HasSubstr("at least 8"),
                    HasSubstr("length 7")));
  EXPECT_EQ(make_concat_dataset(tokens, options(7, true))->size(), 1);
}

}  // namespace
}  // namespace ropewalk
