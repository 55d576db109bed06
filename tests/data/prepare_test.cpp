#include "ropewalk/data/prepare.h"

#include <algorithm>
#include <sstream>

#include "data/prepare_fixture.h"
#include "ropewalk/base/json.h"
#include "ropewalk/data/dataset_index.h"
#include "ropewalk/data/token_dataset.h"
#include "ropewalk/formats/token_shard.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

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

TEST_F(PrepareTest, ADamagedLastFileLeavesNothing) {
  options_.shard_tokens = 1;
  options_.inputs.push_back(folder_.put("in/bad.jsonl.gz", "\x1f\x8b\x08"));
  EXPECT_THAT(fault(), AllOf(HasSubstr("bad.jsonl.gz"), HasSubstr("truncated")));
  expect_nothing_written();
}

TEST_F(PrepareTest, BadLinesAreCountedAndPassedOver) {
  std::string bad = lines(1);
  for (int i = 0; i < 12; ++i) bad += "{\"other\": 1}\n";
  options_.inputs = {folder_.put("in/bad.jsonl", bad + lines(2)),
                     folder_.put("in/bad.txt", "\xFF")};
  std::vector<std::string> told;
  options_.tell = [&](const std::string& text) { told.push_back(text); };
  const PrepareResult result = prepare();
  EXPECT_EQ(result.documents, 3);
  EXPECT_EQ(result.bad_lines, 13);
  ASSERT_THAT(told, SizeIs(10));
  EXPECT_THAT(told[0], AllOf(HasSubstr("bad.jsonl:2: "), HasSubstr("no field 'text'")));
  EXPECT_THAT(told[9], HasSubstr("bad.jsonl:11: "));
  const Json index = read_json_file(options_.output / kDatasetIndexName);
  EXPECT_EQ(index["bad_lines"], 13);
  EXPECT_EQ(index["inputs"][0]["bad_lines"], 12);
  EXPECT_EQ(index["inputs"][0]["documents"], 3);
  EXPECT_EQ(index["inputs"][1]["bad_lines"], 1);
  EXPECT_EQ(index["inputs"][1]["tokens"], 0);
}

TEST_F(PrepareTest, StrictStopsAtTheFirstBadLineAndLeavesNothing) {
  options_.strict = true;
  options_.shard_tokens = 1;
  options_.inputs = {folder_.put("in/bad.jsonl", lines(3) + "{\"other\": 1}\nnonsense\n")};
  EXPECT_THAT(fault(), AllOf(HasSubstr("bad.jsonl:4: "), HasSubstr("--strict")));
  expect_nothing_written();
}

TEST_F(PrepareTest, OnlyBadLinesAreAnError) {
  options_.inputs = {folder_.put("in/bad.jsonl", "nonsense\n[]\n")};
  EXPECT_THAT(fault(), AllOf(HasSubstr("all 2 lines are bad"), HasSubstr("bad.jsonl:1: ")));
  expect_nothing_written();
}

class RefusingEncoder : public DocumentEncoder {
 public:
  void encode(const Document& document, EncodedDocument& encoded) const override {
    if (document.text.starts_with("3")) throw DataError("three is not liked");
    encoded.ids.assign(document.text.begin(), document.text.end());
  }
};

TEST_F(PrepareTest, WhatTheEncoderRefusesIsABadLine) {
  options_.inputs = {folder_.put("in/a.jsonl", lines(5))};
  std::vector<std::string> told;
  options_.tell = [&](const std::string& text) { told.push_back(text); };
  const PrepareResult result = prepare_tokens(options_, *tokenizer_, RefusingEncoder());
  EXPECT_EQ(result.documents, 4);
  EXPECT_THAT(told, ElementsAre(HasSubstr("a.jsonl:4: three is not liked")));
}

TEST_F(PrepareTest, TheNumberOfWorkersChangesNothing) {
  std::string large = lines(9000) + "nonsense\n{\"text\": \"" + std::string(3 << 20, 'z') + "\"}\n";
  options_.inputs.push_back(folder_.put("in/large.jsonl", large + lines(5000)));
  options_.shard_tokens = 20'000;
  options_.validation_fraction = 0.25;
  options_.overwrite = true;
  prepare();
  const auto expected = output_files();
  EXPECT_GT(expected.size(), 6u);
  for (const int workers : {2, 3, 8}) {
    options_.workers = workers;
    prepare();
    EXPECT_EQ(output_files(), expected) << workers;
  }
}

TEST_F(PrepareTest, TheSplitDependsOnTheTextAlone) {
  const auto validation = [&] {
    options_.overwrite = true;
    prepare();
    std::vector<std::vector<int64_t>> documents;
    const auto data = TokenDataset::open({options_.output / "validation"});
    for (int64_t i = 0; i < data->num_documents(); ++i) documents.push_back(data->document(i));
    std::sort(documents.begin(), documents.end());
    return documents;
  };
  options_.inputs = {folder_.put("in/a.jsonl", lines(2000))};
  options_.validation_fraction = 0.1;
  const auto found = validation();
  EXPECT_GT(found.size(), 150u);
  EXPECT_LT(found.size(), 250u);
  const Json index = read_json_file(options_.output / "train" / kDatasetIndexName);
  EXPECT_EQ(index["documents"], 2000 - int64_t(found.size()));
  EXPECT_EQ(index["split"]["part"], "train");

  // Other documents around, in another order, each twice: the same ones, each twice.
  std::vector<std::string> shuffled;
  for (int copy = 0; copy < 2; ++copy) {
    std::istringstream all(lines(2000));
    for (std::string line; std::getline(all, line);) shuffled.insert(shuffled.begin(), line + "\n");
  }
  std::string text;
  for (const std::string& line : shuffled) text += line;
  options_.inputs = {folder_.put("in/b.jsonl", text)};
  auto twice = validation();
  EXPECT_EQ(twice.size(), 2 * found.size());
  twice.erase(std::unique(twice.begin(), twice.end()), twice.end());
  EXPECT_EQ(twice, found);

  options_.inputs = {folder_ / "in/a.jsonl"};
  options_.validation_fraction = 0.2;
  const auto more = validation();
  EXPECT_TRUE(std::includes(more.begin(), more.end(), found.begin(), found.end()));
  options_.split_seed = 1;
  EXPECT_NE(validation(), more);
}

TEST_F(PrepareTest, ASplitWithAnEmptySideIsRefused) {
  options_.validation_fraction = 1e-9;
  EXPECT_THAT(fault(), AllOf(HasSubstr("validation"), HasSubstr("--validation-fraction")));
  expect_nothing_written();
}

TEST_F(PrepareTest, FoldersAndPatternsAreSearchedInTheOrderOfNames) {
  for (const char* name :
       {"c/b.txt", "c/a/z.md", "c/a/note.png", "c/.hidden/x.txt", "c/.x.txt", "c/d.txt"}) {
    folder_.put(name, name);
  }
  std::vector<std::string> told;
  options_.tell = [&](const std::string& text) { told.push_back(text); };
  const auto paths = [&](std::vector<fs::path> inputs) {
    for (fs::path& input : inputs) input = folder_.path() / input;
    options_.inputs = std::move(inputs);
    options_.overwrite = true;
    prepare();
    std::vector<std::string> found;
    const Json index = read_json_file(options_.output / kDatasetIndexName);
    for (const Json& input : index["inputs"]) {
      found.push_back(fs::relative(input["path"].get<std::string>(), folder_.path()).string());
    }
    return found;
  };
  EXPECT_THAT(paths({"c"}), ElementsAre("c/a/z.md", "c/b.txt", "c/d.txt"));
  EXPECT_THAT(told,
              ElementsAre(AllOf(HasSubstr("3 found but passed over"), HasSubstr("note.png"))));
  EXPECT_THAT(paths({"c/**/*"}), ElementsAre("c/a/z.md", "c/b.txt", "c/d.txt"));
  EXPECT_THAT(paths({"c/*.txt"}), ElementsAre("c/b.txt", "c/d.txt"));
  EXPECT_THAT(paths({"c/**/*.md"}), ElementsAre("c/a/z.md"));
  EXPECT_THAT(paths({"c/**/[b-d].txt"}), ElementsAre("c/b.txt", "c/d.txt"));
  EXPECT_THAT(paths({"c/d.txt", "c/?/*"}), ElementsAre("c/d.txt", "c/a/z.md"));
  folder_.put("c/[d].txt", "by its own name");
  EXPECT_THAT(paths({"c/[d].txt"}), ElementsAre("c/[d].txt"));
}

TEST_F(PrepareTest, AnInputNamedTwiceIsRefused) {
  options_.inputs.push_back(folder_ / "in/../in/one.txt");
  EXPECT_THAT(fault(), AllOf(HasSubstr("same file"), HasSubstr("one.txt")));
}

TEST_F(PrepareTest, TheOutputIsNeverAnInput) {
  options_.output = folder_ / "in/shards";
  options_.inputs = {folder_ / "in"};
  prepare();
  options_.overwrite = true;
  EXPECT_EQ(prepare().num_inputs, 2);
}

TEST_F(PrepareTest, AllBadInputsAreNamedAtOnceBeforeAnythingIsRead) {
  options_.inputs.push_back(folder_ / "in/none.txt");
  options_.inputs.push_back(folder_.put("in/table.csv", "a,b"));
  options_.inputs.push_back(folder_.put("in/rows.parquet", "text"));
  EXPECT_THAT(fault(),
              AllOf(HasSubstr("3 faults"),
                    HasSubstr("none.txt"),
                    HasSubstr("not found"),
                    HasSubstr("rows.parquet: "),
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
