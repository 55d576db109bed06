#include "ropewalk/data/prepare.h"

#include <gmock/gmock.h>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"
#include "ropewalk/data/dataset_index.h"
#include "ropewalk/data/token_dataset.h"
#include "ropewalk/formats/token_shard.h"
#include "tokenizer/tokenizer_files.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class PrepareTest : public testing::Test {
 protected:
  PrepareTest() {
    folder_.put("model/tokenizer.json", tokenizer_json({{"a", "b"}}).dump());
    tokenizer_ = Tokenizer::load(folder_ / "model");
    options_.inputs = {folder_.put("in/one.txt", "abc\nabc"),
                       folder_.put("in/two.jsonl", "{\"text\": \"x<s>\"}\n\n{\"text\": \"yy\"}\n")};
    options_.output = folder_ / "out/data";
  }
  PrepareResult prepare() { return prepare_tokens(options_, *tokenizer_); }
  std::string fault() {
    return error_of<Error>([&] { prepare(); });
  }
  void expect_nothing_written() {
    EXPECT_TRUE(!fs::exists(folder_ / "out") || fs::is_empty(folder_ / "out"));
  }

  TemporaryFolder folder_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  PrepareOptions options_;
};

TEST_F(PrepareTest, ShardsHoldEachDocumentsIds) {
  const PrepareResult result = prepare();
  EXPECT_EQ(result.documents, 3);
  EXPECT_EQ(result.text_bytes, 7 + 4 + 2);
  EXPECT_EQ(result.shards, 1);
  const auto data = TokenDataset::open({options_.output}, {tokenizer_->hash(), 259});
  ASSERT_EQ(data->num_documents(), 3);
  EXPECT_EQ(data->num_tokens(), result.tokens);
  for (int64_t i = 0; i < 3; ++i) {
    const std::string text[] = {"abc\nabc", "x<s>", "yy"};
    const std::vector<int32_t> ids = tokenizer_->encode(text[i]);
    EXPECT_EQ(data->document(i), std::vector<int64_t>(ids.begin(), ids.end()));
  }
}

TEST_F(PrepareTest, TheIndexListsTheShards) {
  options_.shard_tokens = 4;
  const PrepareResult result = prepare();
  EXPECT_EQ(result.shards, 2);
  const Json index = read_json_file(options_.output / kDatasetIndexName);
  EXPECT_EQ(index["tokens"], result.tokens);
  EXPECT_EQ(index["tokenizer_hash"], tokenizer_->hash());
  int64_t tokens = 0;
  for (const Json& shard : index["shards"]) {
    const TokenShardReader reader(options_.output / shard["file"].get<std::string>());
    EXPECT_EQ(shard["tokens"], reader.num_tokens());
    EXPECT_EQ(shard["hash"], reader.info().payload_hash);
    tokens += reader.num_tokens();
  }
  EXPECT_EQ(tokens, result.tokens);
}

TEST_F(PrepareTest, TheSameInputGivesTheSameBytes) {
  prepare();
  options_.output = folder_ / "out/again";
  prepare();
  for (const char* name : {"shard-00000.tokens", kDatasetIndexName}) {
    EXPECT_EQ(read_file(folder_ / "out/data" / name), read_file(folder_ / "out/again" / name));
  }
}

TEST_F(PrepareTest, AFaultInTheLastFileLeavesNothing) {
  options_.shard_tokens = 1;
  options_.inputs.push_back(folder_.put("in/bad.jsonl", "{\"text\": \"fine\"}\n{\"other\": 1}\n"));
  EXPECT_THAT(fault(), AllOf(HasSubstr("bad.jsonl:2"), HasSubstr("text")));
  expect_nothing_written();
}

TEST_F(PrepareTest, AllBadInputsAreNamedAtOnceBeforeAnythingIsRead) {
  options_.inputs.push_back(folder_ / "in/none.txt");
  options_.inputs.push_back(folder_.put("in/table.csv", "a,b"));
  EXPECT_THAT(fault(),
              AllOf(HasSubstr("none.txt"),
                    HasSubstr("not found"),
                    HasSubstr("table.csv"),
                    HasSubstr("unknown ending")));
  expect_nothing_written();
}

TEST_F(PrepareTest, TextWithoutTokensIsRefused) {
  options_.inputs = {folder_.put("in/empty.txt", "")};
  EXPECT_THAT(fault(), HasSubstr("without a single token"));
  expect_nothing_written();
}

TEST_F(PrepareTest, AnEmptyFolderIsFilled) {
  fs::create_directories(options_.output);
  prepare();
  EXPECT_TRUE(fs::exists(options_.output / kDatasetIndexName));
}

TEST_F(PrepareTest, AFilledFolderIsOnlyReplacedOnRequestAndOnlyWhenItIsADataset) {
  prepare();
  EXPECT_THAT(fault(), AllOf(HasSubstr("is not empty"), HasSubstr("--overwrite")));
  options_.overwrite = true;
  options_.inputs.pop_back();
  prepare();
  EXPECT_EQ(TokenDataset::open({options_.output})->num_documents(), 1);
  folder_.put("out/data/notes.txt", "mine");
  EXPECT_THAT(fault(), HasSubstr("more than token shards"));
  EXPECT_EQ(read_file(options_.output / "notes.txt"), "mine");
}

TEST_F(PrepareTest, AFaultUnderOverwriteKeepsTheOldShards) {
  prepare();
  options_.overwrite = true;
  options_.inputs = {folder_.put("in/bad.txt", "\xFF")};
  EXPECT_THAT(fault(), HasSubstr("bad.txt"));
  EXPECT_EQ(TokenDataset::open({options_.output})->num_documents(), 3);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "out"), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace ropewalk
