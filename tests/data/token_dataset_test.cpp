#include "ropewalk/data/token_dataset.h"

#include <gmock/gmock.h>

#include "data/shard_files.h"
#include "formats/megatron_files.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"
#include "ropewalk/data/dataset_index.h"
#include "ropewalk/data/document_selection.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(TokenDataset, DocumentsFollowTheOrderOfFoldersAndShards) {
  TemporaryFolder folder;
  std::filesystem::create_directories(folder / "a");
  std::filesystem::create_directories(folder / "b");
  write_shard(folder / "a/shard-00001.tokens", {{4, 5, 6}});
  write_shard(folder / "a/shard-00000.tokens", {{1}, {}, {2, 3}});
  write_shard(folder / "b/shard-00000.tokens", {{7}});
  const auto dataset = TokenDataset::open({folder / "b", folder / "a"});
  ASSERT_EQ(dataset->num_documents(), 5);
  EXPECT_EQ(dataset->num_tokens(), 7);
  const std::vector<std::vector<int64_t>> expected = {{7}, {1}, {}, {2, 3}, {4, 5, 6}};
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(dataset->document(i), expected[i]) << i;
  std::vector<int64_t> part(2);
  dataset->read(4, 1, part);
  EXPECT_THAT(part, testing::ElementsAre(5, 6));
}

TEST(TokenDataset, OneShardIsADataset) {
  TemporaryFolder folder;
  write_shard(folder / "x.tokens", {{1, 2}});
  EXPECT_EQ(TokenDataset::open({folder / "x.tokens"})->num_tokens(), 2);
}

TEST(TokenDataset, ShardsOfAnotherTokenizerAreRefused) {
  TemporaryFolder folder;
  write_shard(folder / "x.tokens", {{1, 2}});
  write_shard(folder / "y.tokens", {{1, 2}}, 1000, std::string(32, 'b'));
  EXPECT_THAT(error_of<DataError>([&] { TokenDataset::open({folder.path()}); }),
              AllOf(HasSubstr("y.tokens"), HasSubstr("another tokenizer")));
  EXPECT_THAT(
      error_of<DataError>([&] {
        TokenDataset::open({folder / "x.tokens"}, {std::string(32, 'c'), 1000});
      }),
      AllOf(HasSubstr("x.tokens"), HasSubstr("another tokenizer"), HasSubstr("the model's")));
  EXPECT_NO_THROW(TokenDataset::open({folder / "x.tokens"}, {kTestTokenizer, 1000}));
}

TEST(TokenDataset, IdsBeyondTheModelsVocabularyAreRefused) {
  TemporaryFolder folder;
  write_shard(folder / "x.tokens", {{1, 50}, {7}});
  EXPECT_NO_THROW(TokenDataset::open({folder.path()}, {"", 51}));
  EXPECT_THAT(error_of<DataError>([&] {
                TokenDataset::open({folder.path()}, {"", 50});
              }),
              AllOf(HasSubstr("token id 50"), HasSubstr("vocab_size 50")));
}

TEST(TokenDataset, MissingAndEmptyFoldersAreNamed) {
  TemporaryFolder folder;
  EXPECT_THAT(error_of<DataError>([&] { TokenDataset::open({folder / "none"}); }),
              AllOf(HasSubstr("none"), HasSubstr("not found")));
  EXPECT_THAT(error_of<DataError>([&] { TokenDataset::open({folder.path()}); }),
              HasSubstr("holds no token shards"));
  EXPECT_THAT(error_of<DataError>([&] { TokenDataset::open({}); }), HasSubstr("no data"));
}

// What `prepare` writes beside the shards.
void write_index(const TemporaryFolder& folder, const std::vector<std::string>& names) {
  Json shards = Json::array();
  for (const std::string& name : names) {
    const TokenShardInfo info = TokenShardReader(folder / name).info();
    shards.push_back({{"file", name},
                      {"tokens", info.num_tokens},
                      {"documents", info.num_documents},
                      {"hash", info.payload_hash}});
  }
  write_file_atomic(folder / kDatasetIndexName, to_json_text({{"shards", shards}}));
}

TEST(TokenDataset, MissingForeignAndExchangedShardsAreListedAtOnce) {
  TemporaryFolder folder;
  for (const char* name : {"a.tokens", "b.tokens", "c.tokens"}) {
    write_shard(folder / name, {{1, 2}, {3}});
  }
  write_index(folder, {"a.tokens", "b.tokens", "c.tokens"});
  EXPECT_EQ(TokenDataset::open({folder.path()})->num_tokens(), 9);
  std::filesystem::remove(folder / "a.tokens");
  for (const char* name : {"b.tokens", "c.tokens", "d.tokens"}) {
    std::filesystem::remove(folder / name);
  }
  write_shard(folder / "b.tokens", {{1, 2}});
  write_shard(folder / "c.tokens", {{1, 2}, {4}});
  write_shard(folder / "d.tokens", {{1}});
  EXPECT_THAT(error_of<DataError>([&] { TokenDataset::open({folder.path()}); }),
              AllOf(HasSubstr("4 faults"),
                    HasSubstr("a.tokens: is missing"),
                    HasSubstr("b.tokens: holds 2 tokens in 1 documents"),
                    HasSubstr("c.tokens: has the hash"),
                    HasSubstr("d.tokens: is not in dataset.json")));
}

TEST(TokenDataset, DatasetIndexThatIsNoneIsNamed) {
  TemporaryFolder folder;
  write_shard(folder / "a.tokens", {{1, 2}});
  write_file_atomic(folder / kDatasetIndexName, "{}");
  EXPECT_THAT(error_of<DataError>([&] { TokenDataset::open({folder.path()}); }),
              AllOf(HasSubstr("dataset.json"), HasSubstr("prepare")));
}

TEST(TokenDataset, HashChangesWithContentAndOrder) {
  TemporaryFolder folder;
  write_shard(folder / "x.tokens", {{1, 2}});
  write_shard(folder / "y.tokens", {{1, 3}});
  const auto hash = [&](const char* first, const char* second) {
    return TokenDataset::open({folder / first, folder / second})->hash();
  };
  EXPECT_EQ(hash("x.tokens", "y.tokens"), hash("x.tokens", "y.tokens"));
  EXPECT_NE(hash("x.tokens", "y.tokens"), hash("y.tokens", "x.tokens"));
}

TEST(TokenDataset, FilesOfOtherToolsStandBesideShards) {
  TemporaryFolder folder;
  write_shard(folder / "b.tokens", {{1, 2}});
  folder.put("a.bin", raw_ids<uint16_t>({3, 9, 4, 9}));
  const MegatronParts parts{.lengths = {2}, .pointers = {0}, .documents = {0, 1}};
  folder.put("c.idx", parts.index());
  folder.put("c.bin", raw_ids<uint16_t>({5, 9}));
  const TokenDatasetOptions options{
      .tokenizer_hash = kTestTokenizer, .vocab_size = 1000, .eos_id = 9};
  const auto dataset = TokenDataset::open({folder.path(), folder / "c"}, options);
  const std::vector<std::vector<int64_t>> expected = {{3}, {4}, {1, 2}, {5}, {5}};
  ASSERT_EQ(dataset->num_documents(), 5);
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(dataset->document(i), expected[i]) << i;
  EXPECT_EQ(dataset->tokenizer_hash(), kTestTokenizer);
  EXPECT_EQ(dataset->shard(0).format(), "nanogpt");
  const auto foreign = TokenDataset::open({folder / "a.bin"}, options);
  EXPECT_EQ(foreign->tokenizer_hash(), "");
  EXPECT_NE(TokenDataset::open({folder / "a.bin"})->hash(), foreign->hash());
  EXPECT_THAT(error_of<DataError>([&] {
                TokenDataset::open({folder.path()}, {std::string(32, 'c'), 1000});
              }),
              AllOf(HasSubstr("1 fault"), HasSubstr("b.tokens")));
}

TEST(TokenDataset, IdsOfOtherToolsFilesAreComparedWhenRead) {
  TemporaryFolder folder;
  folder.put("a.bin", raw_ids<uint16_t>({3, 9, 4, 70, 9}));
  const auto dataset =
      TokenDataset::open({folder.path()}, {.tokenizer_hash = {}, .vocab_size = 70, .eos_id = 9});
  EXPECT_EQ(dataset->document(0), std::vector<int64_t>{3});
  EXPECT_THAT(error_of<DataError>([&] { dataset->document(1); }),
              AllOf(HasSubstr("a.bin: token 3 has id 70"), HasSubstr("0..69")));
}

TEST(TokenDataset, TrainingAndValidationFilesInOneFolderAreRefused) {
  TemporaryFolder folder;
  const std::string ids = raw_ids<uint16_t>({3, 9});
  folder.put("train.bin", ids);
  EXPECT_NO_THROW(TokenDataset::open({folder.path()}));
  folder.put("val.bin", ids);
  EXPECT_THAT(error_of<DataError>([&] { TokenDataset::open({folder.path()}); }),
              AllOf(HasSubstr("val.bin"), HasSubstr("train.bin"), HasSubstr("Name the files")));
  EXPECT_NO_THROW(TokenDataset::open({folder / "train.bin"}));
}

TEST(TokenDataset, FaultsOfSeveralFilesAreListedAtOnce) {
  TemporaryFolder folder;
  folder.put("a.bin", "abc");
  folder.put("b.idx", "MMIDIDX");
  folder.put("b.bin", "");
  write_shard(folder / "c.tokens", {{1, 2}});
  EXPECT_THAT(error_of<DataError>([&] {
                TokenDataset::open({folder.path(), folder / "d"});
              }),
              AllOf(HasSubstr("3 faults"),
                    HasSubstr("a.bin"),
                    HasSubstr("b.idx"),
                    HasSubstr("d: not found")));
}

TEST(TokenDataset, EachPathHasItsRangeOfDocuments) {
  TemporaryFolder folder;
  std::filesystem::create_directory(folder / "two");
  write_shard(folder / "two" / "a.tokens", {{1}, {2}});
  write_shard(folder / "two" / "b.tokens", {{3}});
  write_shard(folder / "empty.tokens", {});
  write_shard(folder / "c.tokens", {{4}, {5, 6}});
  const auto dataset =
      TokenDataset::open({folder / "two", folder / "empty.tokens", folder / "c.tokens"});
  const std::vector<std::pair<int64_t, int64_t>> expected = {{0, 3}, {3, 3}, {3, 5}};
  for (size_t path = 0; path < expected.size(); ++path) {
    const DocumentRange range = dataset->documents_of(path);
    EXPECT_EQ(std::pair(range.begin, range.end), expected[path]) << path;
  }
  const DocumentSelection last(dataset, dataset->documents_of(2));
  EXPECT_EQ(last.size(), 2);
  EXPECT_EQ(last.num_tokens(), 3);
  EXPECT_EQ(last.tokens_before(1), 1);
  EXPECT_EQ(last.length(1), 2);
  std::vector<int64_t> tokens(2);
  last.read(1, 0, tokens);
  EXPECT_THAT(tokens, testing::ElementsAre(5, 6));
}

TEST(TokenDataset, TargetsAreThoseOfTheShardOrAll) {
  TemporaryFolder folder;
  {
    TokenShardWriter writer(folder / "a.tokens", 1000, kTestTokenizer);
    writer.add_document(std::vector<int32_t>{1, 2});
    writer.add_document(std::vector<int32_t>{3, 4, 5}, std::vector<uint8_t>{0, 1, 0});
    writer.close();
  }
  write_shard(folder / "b.tokens", {{6, 7}});
  const auto dataset = TokenDataset::open({folder.path()});
  EXPECT_TRUE(dataset->has_targets(dataset->all_documents()));
  EXPECT_TRUE(dataset->has_targets({0, 1}));  // by files
  EXPECT_FALSE(dataset->has_targets({2, 3}));
  EXPECT_FALSE(dataset->has_targets({2, 2}));
  const std::vector<std::vector<uint8_t>> expected = {{1, 1}, {0, 1, 0}, {1, 1}};
  for (int64_t i = 0; i < 3; ++i) {
    std::vector<uint8_t> targets(expected[i].size(), 7);
    dataset->read_targets(i, 0, targets);
    EXPECT_EQ(targets, expected[i]) << i;
  }
  std::vector<uint8_t> part(2);
  dataset->read_targets(1, 1, part);
  EXPECT_THAT(part, testing::ElementsAre(1, 0));
  EXPECT_ANY_THROW(dataset->read_targets(1, 2, part));
}

}  // namespace
}  // namespace ropewalk
