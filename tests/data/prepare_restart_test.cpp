#include <set>
#include <utility>

#include "data/prepare/document_batch.h"
#include "data/prepare/inputs.h"
#include "data/prepare/state.h"
#include "data/prepare_fixture.h"
#include "ropewalk/base/json.h"
#include "ropewalk/data/dataset_index.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::HasSubstr;

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

// Refuses documents that begin with "no", and ends the run at one as a crash would.
class RefusingEncoder : public DocumentEncoder {
 public:
  RefusingEncoder(std::shared_ptr<const Tokenizer> tokenizer, std::string crash_at)
      : crashing_(std::move(tokenizer), std::move(crash_at)) {}
  void encode(const Document& document, EncodedDocument& encoded) const override {
    if (document.text.starts_with("no")) throw DataError("refused");
    crashing_.encode(document, encoded);
  }

 private:
  CrashingEncoder crashing_;
};

// Many small inputs, each a batch of its own, so that a crash loses no more than a few lines. In
// both parts there are lines that the encoder refuses; others cannot be read at all.
class BadLinesTest : public PrepareTest {
 protected:
  static constexpr int kNumInputs = 60;

  BadLinesTest() {
    options_.inputs.clear();
    for (int i = 0; i < kNumInputs; ++i) {
      std::string lines = line_of(first_document(i));
      if (i % 7 == 0) lines += "unreadable\n";
      if (i % 2 == 0) lines += line_of(refused_document(i));
      lines += line_of("last " + std::to_string(i));
      options_.inputs.push_back(folder_.put("in/" + std::to_string(i) + ".jsonl", lines));
    }
    options_.validation_fraction = 0.3;
    options_.shard_tokens = 50;
    options_.tell = [this](const std::string& text) {
      if (text.find(".jsonl:") != std::string::npos) told_.push_back(text);
    };
  }
  static std::string first_document(int input) { return "first " + std::to_string(input); }
  static std::string refused_document(int input) { return "no " + std::to_string(input); }
  static std::string line_of(const std::string& text) { return "{\"text\": \"" + text + "\"}\n"; }

  void run(const std::string& crash_at) {
    prepare_tokens(options_, *tokenizer_, RefusingEncoder(tokenizer_, crash_at));
  }
  void crash_at(const std::string& text) {
    EXPECT_EQ(error_of<IoError>([&] { run(text); }), "crash");
  }
  // In the crashed run's shards, of all parts.
  int64_t num_finished_shards() const {
    const fs::path file = folder_ / "out/data.partial/progress.json";
    if (!fs::exists(file)) return 0;
    int64_t shards = 0;
    const Json progress = read_json_file(file);
    for (const Json& part : progress["parts"]) shards += int64_t(part["shards"].size());
    return shards;
  }

  std::vector<std::string> told_;
};

TEST_F(BadLinesTest, CrashedAtAnyShardTheyAreCountedOnceEach) {
  std::set<size_t> parts_with_refused;
  for (int i = 0; i < kNumInputs; i += 2) {
    parts_with_refused.insert(SplitRule{options_.validation_fraction}.part_of(refused_document(i)));
  }
  ASSERT_EQ(parts_with_refused.size(), 2u);
  run("");
  const auto expected = output_files();
  const std::vector<std::string> expected_told = std::exchange(told_, {});
  EXPECT_EQ(expected_told.size(), 10u);
  fs::remove_all(folder_ / "out");

  std::set<int64_t> borders;
  for (int i = 0; i < kNumInputs; ++i) {
    crash_at(first_document(i));
    borders.insert(num_finished_shards());
    std::set<std::string> told(told_.begin(), told_.end());
    told_.clear();
    run("");
    EXPECT_EQ(output_files(), expected) << "crashed in input " << i;
    told.insert(told_.begin(), told_.end());
    EXPECT_EQ(told, std::set<std::string>(expected_told.begin(), expected_told.end())) << i;
    told_.clear();
    fs::remove_all(folder_ / "out");
  }
  EXPECT_GT(borders.size(), 10u);
  EXPECT_EQ(int64_t(borders.size()), *borders.rbegin() + 1);  // none was passed over
}

TEST_F(BadLinesTest, CrashedAtEveryShardOneAfterAnotherTheyAreCountedOnceEach) {
  run("");
  const auto expected = output_files();
  fs::remove_all(folder_ / "out");
  for (int i = 0; i < kNumInputs; ++i) crash_at(first_document(i));
  run("");
  EXPECT_EQ(output_files(), expected);
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
      state.bad.counts.push_back(input["bad_lines"]);
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

}  // namespace
}  // namespace ropewalk
