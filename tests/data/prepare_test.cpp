#include "ropewalk/data/prepare.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

#include "data/prepare_inputs.h"
#include "data/prepare_state.h"
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
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class PrepareTest : public testing::Test {
 protected:
  PrepareTest() {
    folder_.put("model/tokenizer.json", tokenizer_json({{"a", "b"}}).dump());
    tokenizer_ = Tokenizer::load(folder_ / "model");
    options_.inputs = {folder_.put("in/one.txt", "abc\nabc"),
                       folder_.put("in/two.jsonl", "{\"text\": \"x<s>\"}\n\n{\"text\": \"yy\"}\n")};
    options_.output = folder_ / "out/data";
  }
  PrepareResult prepare() {
    return prepare_tokens(options_, *tokenizer_, *make_text_encoder(tokenizer_));
  }
  // Everything in the output, by name.
  std::map<std::string, std::string> output_files() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(options_.output)) {
      if (!entry.is_regular_file()) continue;
      files[fs::relative(entry.path(), options_.output).string()] = read_file(entry.path());
    }
    return files;
  }
  // JSONL of `count` documents of letters, each of its own length.
  std::string lines(int count) const {
    std::string text;
    for (int i = 0; i < count; ++i) {
      text += "{\"text\": \"" + std::to_string(i) + std::string(1 + i % 7, 'a') + "\"}\n";
    }
    return text;
  }

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

// The encoder ends the run as a crash would, after some documents.
class CrashingEncoder : public DocumentEncoder {
 public:
  CrashingEncoder(std::shared_ptr<const Tokenizer> tokenizer, std::string at)
      : plain_(make_text_encoder(std::move(tokenizer))), at_(std::move(at)) {}
  void encode(const Document& document, EncodedDocument& encoded) const override {
    if (document.text == at_) throw IoError("crash");
    plain_->encode(document, encoded);
  }

 private:
  std::unique_ptr<DocumentEncoder> plain_;
  std::string at_;
};

class RestartTest : public PrepareTest {
 protected:
  RestartTest() {
    // More than one batch, so that shards are finished before the crash.
    options_.inputs.push_back(folder_.put("in/many.jsonl", "oops\n" + lines(9000) + "oops\n"));
    options_.inputs.push_back(folder_.put("in/rest.jsonl", lines(9000)));
    options_.shard_tokens = 3'000;
    options_.tell = [this](const std::string& text) { told_ += text + "\n"; };
  }
  void crash_at(const std::string& text) {
    EXPECT_EQ(error_of<IoError>([&] {
                prepare_tokens(options_, *tokenizer_, CrashingEncoder(tokenizer_, text));
              }),
              "crash");
    EXPECT_FALSE(fs::exists(options_.output));
  }
  std::map<std::string, std::string> undisturbed() {
    const fs::path place = std::exchange(options_.output, folder_ / "out/undisturbed");
    prepare();
    auto files = output_files();
    options_.output = place;
    told_.clear();
    return files;
  }
  fs::path work() const { return folder_ / "out/data.partial"; }

  std::string told_;
};

TEST_F(RestartTest, ARunThatCrashedGoesOnToTheSameBytes) {
  for (const double fraction : {0.0, 0.03}) {
    options_.validation_fraction = fraction;
    const auto expected = undisturbed();
    // In the first input, and twice in the second: 8000 % 7 = 6.
    crash_at("8000" + std::string(7, 'a'));
    EXPECT_GT(read_json_file(work() / "progress.json")["parts"][0]["shards"].size(), 1u);
    crash_at("8000" + std::string(7, 'a'));
    EXPECT_THAT(told_, HasSubstr("goes on"));
    prepare();
    EXPECT_EQ(output_files(), expected);
    EXPECT_FALSE(fs::exists(work()));
    fs::remove_all(folder_ / "out");
  }
}

TEST_F(RestartTest, WhatWasDoneIsNotDoneAgain) {
  crash_at("8000" + std::string(7, 'a'));
  const Json part = read_json_file(work() / "progress.json")["parts"][0];
  const fs::path shard = work() / "data" / part["shards"][0]["file"].get<std::string>();
  const auto written = fs::last_write_time(shard);
  const PrepareResult result = prepare();
  EXPECT_EQ(fs::last_write_time(options_.output / shard.filename()), written);
  EXPECT_GT(result.text_bytes_before, 0);
}

TEST_F(RestartTest, AnotherInputTokenizerOrOptionStartsOver) {
  const auto starts_over = [&](const std::string& because) {
    told_.clear();
    prepare();
    EXPECT_THAT(told_, AllOf(HasSubstr("starts over"), HasSubstr(because)));
    const auto found = output_files();
    EXPECT_EQ(found, undisturbed());
    fs::remove_all(folder_ / "out");
  };
  const std::string crash = "8000" + std::string(7, 'a');
  crash_at(crash);
  folder_.put("in/rest.jsonl", lines(10));
  starts_over("rest.jsonl was changed");
  folder_.put("in/rest.jsonl", lines(9000));
  crash_at(crash);
  options_.shard_tokens = 3'001;
  starts_over("'shard_tokens' was 3000, now 3001");
  crash_at(crash);
  options_.inputs.pop_back();
  starts_over("4 inputs");
  options_.inputs.push_back(folder_ / "in/rest.jsonl");
  crash_at(crash);
  folder_.put("model/tokenizer.json", tokenizer_json({{"a", "a"}}).dump());
  tokenizer_ = Tokenizer::load(folder_ / "model");
  starts_over("tokenizer");
}

TEST_F(RestartTest, DamageInTheWorkFolderStartsOver) {
  const auto expected = undisturbed();
  const auto spoil_and_go_on = [&](const std::string& name, const std::string& content) {
    crash_at("8000" + std::string(7, 'a'));
    folder_.put("out/data.partial/" + name, content);
    told_.clear();
    prepare();
    EXPECT_EQ(output_files(), expected) << name;
    fs::remove_all(options_.output);
  };
  spoil_and_go_on("data/shard-00000.tokens", "");
  EXPECT_THAT(told_, AllOf(HasSubstr("starts over"), HasSubstr("shard-00000.tokens")));
  for (const char* progress : {"", "{}", "[1]", R"({"format": "ropewalk-prepare-progress"})"}) {
    spoil_and_go_on("progress.json", progress);
    EXPECT_THAT(told_, HasSubstr("starts over")) << progress;
  }
  // What a crash left half written.
  spoil_and_go_on("data/shard-00077.tokens.tmp-00", "part");
  EXPECT_THAT(told_, HasSubstr("goes on"));
  spoil_and_go_on("data/shard-00078.tokens", "a shard that progress.json does not list");
  EXPECT_THAT(told_, HasSubstr("goes on"));
}

class PublishTest : public RestartTest {
 protected:
  // What stands in progress.json once all shards are written.
  PrepareState finished_state() const {
    const InputList inputs = find_inputs(options_, work());
    PrepareState state{.identity = prepare_identity(options_, inputs, *tokenizer_),
                       .publishing = true};
    const Json index = read_json_file(options_.output / kDatasetIndexName);
    PartState part;
    part.next.input = static_cast<int64_t>(inputs.files.size());
    for (const Json& input : index["inputs"]) {
      part.inputs.push_back({input["documents"], input["tokens"], 0});
      part.bad.counts.push_back(input["bad_lines"]);
    }
    for (const Json& shard : index["shards"]) {
      part.shards.push_back({shard["file"], shard["tokens"], shard["documents"], shard["hash"]});
    }
    state.parts.push_back(std::move(part));
    return state;
  }
  void save(const PrepareState& state) {
    fs::create_directories(work());
    write_file_atomic(work() / "progress.json", to_progress_text(state));
  }
  // With an encoder that must not be asked.
  PrepareResult publish_only() {
    return prepare_tokens(options_, *tokenizer_, CrashingEncoder(tokenizer_, "0a"));
  }
};

TEST_F(PublishTest, KilledBeforeOrAfterTheRenameItOnlyPublishes) {
  prepare();
  const auto expected = output_files();
  const PrepareState state = finished_state();
  save(state);
  EXPECT_EQ(publish_only().documents, 18003);
  EXPECT_FALSE(fs::exists(work()));
  save(state);
  fs::rename(options_.output, work() / "data");
  EXPECT_EQ(publish_only().documents, 18003);
  EXPECT_FALSE(fs::exists(work()));
  EXPECT_EQ(output_files(), expected);
}

TEST_F(PublishTest, AnotherDatasetInTheOutputIsNotTakenForThePublishedOne) {
  prepare();
  PrepareState state = finished_state();
  state.parts[0].shards[0].hash = std::string(32, '0');
  save(state);
  const auto expected = output_files();
  EXPECT_THAT(fault(), AllOf(HasSubstr("is not empty"), HasSubstr("--overwrite")));
  EXPECT_EQ(output_files(), expected);
}

TEST_F(PublishTest, TheOldDatasetComesBackWhenTheNewOneIsGivenUp) {
  prepare();
  const auto old = output_files();
  save(finished_state());
  fs::rename(options_.output, work() / "replaced");
  options_.overwrite = true;
  options_.strict = true;
  EXPECT_THAT(fault(), HasSubstr("many.jsonl:1: "));
  EXPECT_EQ(output_files(), old);
  EXPECT_FALSE(fs::exists(work()));
}

TEST_F(RestartTest, AFolderThatIsNotOursIsLeftAlone) {
  folder_.put("out/data.partial/thesis.txt", "mine");
  EXPECT_THAT(fault(), AllOf(HasSubstr("data.partial"), HasSubstr("move it away")));
  EXPECT_EQ(read_file(work() / "thesis.txt"), "mine");
}

TEST_F(RestartTest, ASecondPrepareOfTheSameOutputIsRefused) {
  fs::create_directories(work());
  const FileLock other(work() / "lock");
  EXPECT_THAT(fault(), AllOf(HasSubstr("lock"), HasSubstr("in use by")));
  EXPECT_TRUE(fs::exists(work() / "lock"));
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
