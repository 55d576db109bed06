#include "ropewalk/checkpoint/checkpointer.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include "checkpoint/support.h"
#include "dist/rank_bodies.h"
#include "ropewalk/base/files.h"
#include "ropewalk/checkpoint/export.h"
#include "ropewalk/checkpoint/import.h"
#include "ropewalk/formats/manifest.h"

ROPEWALK_RANK_TEST_MAIN

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Kind = ResumeRequest::Kind;

// One rank's model, state and checkpointer over a run directory.
struct TinyRun {
  explicit TinyRun(const std::filesystem::path& folder,
                   uint64_t seed = 1,
                   DType dtype = DType::kF32,
                   int64_t keep = 2,
                   std::shared_ptr<dist::Group> ranks = nullptr)
      : decoder(tiny_decoder(seed)),
        optimizer(*decoder, static_cast<double>(seed)),
        group(ranks ? ranks : std::make_shared<dist::Group>()),
        checkpointer({.run_dir = folder,
                      .keep = keep,
                      .model_config = tiny_hf_config(*decoder),
                      .settings = {{"seed", seed}},
                      .dtype = dtype},
                     decoder->spec(),
                     dist::as_whole(decoder->named_weights()),
                     group) {
    checkpointer.add(optimizer);
  }

  LoadedCheckpoint resume(const ResumeRequest& request = {}) {
    return checkpointer.load(checkpointer.find(request).value());
  }

  std::shared_ptr<Decoder> decoder;
  FakeOptimizer optimizer;
  std::shared_ptr<dist::Group> group;
  Checkpointer checkpointer;
};

std::vector<std::string> published(const TemporaryFolder& folder) {
  return names_in(folder / "checkpoints");
}

TEST(Checkpointer, WeightsMomentsAndStateComeBackBitForBit) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const TemporaryFolder folder;
    TinyRun run(folder.path(), 1, dtype);
    run.optimizer.num_steps = 17;
    const auto path = run.checkpointer.save(17);
    EXPECT_EQ(path.filename(), "step-00000017");
    TinyRun other(folder.path(), 2, dtype);
    const LoadedCheckpoint loaded = other.resume();
    EXPECT_EQ(loaded.step, 17);
    EXPECT_TRUE(same_weights(*run.decoder, *other.decoder));
    EXPECT_TRUE(run.optimizer.equals(other.optimizer));
    EXPECT_THAT(rope_difference(other.checkpointer.find({}).value(), other.decoder->spec().rope),
                IsEmpty());
    EXPECT_THAT(loaded.environment_differences, IsEmpty());
  }
}

TEST(Checkpointer, EqualStateIsWrittenAsEqualBytes) {
  const TemporaryFolder one, two;
  TinyRun first(one.path()), second(two.path());
  first.checkpointer.save(3);
  second.checkpointer.load(first.checkpointer.find({}).value());
  second.checkpointer.save(3);
  EXPECT_EQ(read_manifest(one / "checkpoints/step-00000003").hash,
            read_manifest(two / "checkpoints/step-00000003").hash);
}

TEST(Checkpointer, FolderIsAnHfModelAndExportTakesTheMasterWeights) {
  const TemporaryFolder folder;
  TinyRun run(folder.path(), 1, DType::kBF16);
  const auto path = run.checkpointer.save(1);
  EXPECT_EQ(read_json_file(path / "config.json").at("dtype"), "bfloat16");
  const HfModel rounded = load_hf_model(path);
  const auto decoder = build_decoder(rounded.spec);
  import_weights(*decoder, rounded);
  EXPECT_FALSE(same_weights(*run.decoder, *decoder));
  export_hf_model(folder.path(), folder / "fp32", {.dtype = DType::kF32});
  import_weights(*decoder, load_hf_model(folder / "fp32"));
  EXPECT_TRUE(same_weights(*run.decoder, *decoder));
  flip_byte(path / "trainer/master.safetensors", 3);
  EXPECT_THAT(error_of<CheckpointError>(
                  [&] { export_hf_model(path, folder / "again", {.dtype = DType::kF32}); }),
              HasSubstr("trainer/master.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(folder / "again"));
}

TEST(Checkpointer, OnlyTheNewestAreKeptAndAlwaysTheOneJustWritten) {
  for (const int64_t keep : {1, 2, 3}) {
    const TemporaryFolder folder;
    TinyRun run(folder.path(), 1, DType::kF32, keep);
    for (int64_t step = 1; step <= 5; ++step) {
      run.checkpointer.save(step);
      EXPECT_EQ(published(folder).size(), static_cast<size_t>(std::min(step, keep)));
      EXPECT_EQ(published(folder).back(), checkpoint_name(step));
    }
  }
}

TEST(Checkpointer, DamagedNewestIsPassedOverWithItsReasonButNeverWhenNamed) {
  const TemporaryFolder folder;
  TinyRun run(folder.path());
  run.checkpointer.save(1);
  const auto newest = run.checkpointer.save(2);
  flip_byte(newest / "trainer/optimizer.safetensors", 3);
  const auto found = find_newest_checkpoint(folder / "checkpoints");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->step, 1);
  ASSERT_EQ(found->skipped.size(), 1u);
  EXPECT_THAT(found->skipped[0].reason, HasSubstr("trainer/optimizer.safetensors"));
  for (const std::string& named : {std::string("2"), newest.string()}) {
    EXPECT_THAT(error_of<Error>([&] {
                  run.checkpointer.find({Kind::kExactly, named});
                }),
                HasSubstr("trainer/optimizer.safetensors"));
  }
}

TEST(Checkpointer, TruncatedOrMissingManifestMeansIncomplete) {
  const TemporaryFolder folder;
  TinyRun run(folder.path(), 1, DType::kF32, 3);
  for (int64_t step = 1; step <= 3; ++step) run.checkpointer.save(step);
  const auto second = folder / "checkpoints/step-00000002/manifest.json";
  std::filesystem::resize_file(second, std::filesystem::file_size(second) / 2);
  std::filesystem::remove(folder / "checkpoints/step-00000003/manifest.json");
  const auto found = find_newest_checkpoint(folder / "checkpoints");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->step, 1);
  EXPECT_EQ(found->skipped.size(), 2u);
}

TEST(Checkpointer, NoneThatVerifiesIsAnErrorAndNoneAtAllOnlyWhereAskedFor) {
  const TemporaryFolder folder;
  TinyRun run(folder.path());
  EXPECT_FALSE(run.checkpointer.find({Kind::kNewestOrNone, ""}).has_value());
  EXPECT_THROW(run.checkpointer.find({}), CheckpointError);
  EXPECT_THAT(error_of<Error>([&] {
                run.checkpointer.find({Kind::kExactly, "7"});
              }),
              HasSubstr("no such checkpoint"));
  const auto path = run.checkpointer.save(1);
  std::filesystem::remove(path / "config.json");
  EXPECT_THAT(error_of<Error>([&] {
                run.checkpointer.find({Kind::kNewestOrNone, ""});
              }),
              HasSubstr("no checkpoint will do"));
}

TEST(Checkpointer, LeftoversOfDeadRunsAreIgnoredAndCleanedUp) {
  const TemporaryFolder folder;
  TinyRun run(folder.path());
  const auto path = run.checkpointer.save(1);
  auto unfinished = path.parent_path() / "step-00000002.tmp-0123456789abcdef";
  std::filesystem::copy(path, unfinished, std::filesystem::copy_options::recursive);
  EXPECT_EQ(find_newest_checkpoint(folder / "checkpoints")->step, 1);
  run.checkpointer.clean_up();
  EXPECT_THAT(published(folder), ElementsAre("step-00000001"));
}

TEST(Checkpointer, GoingOnFromAnEarlierStepReplacesLaterOnesAtTheNextSave) {
  const TemporaryFolder folder;
  TinyRun run(folder.path(), 1, DType::kF32, 9);
  for (int64_t step = 1; step <= 3; ++step) run.checkpointer.save(step);
  TinyRun again(folder.path(), 2, DType::kF32, 9);
  EXPECT_EQ(again.resume({Kind::kExactly, "1"}).step, 1);
  EXPECT_EQ(published(folder).size(), 3u);
  again.checkpointer.save(3);
  EXPECT_THAT(published(folder), ElementsAre("step-00000001", "step-00000003"));
  TinyRun third(folder.path(), 3);
  third.resume();
  EXPECT_TRUE(same_weights(*again.decoder, *third.decoder));
}

TEST(Checkpointer, StartingOverTouchesOldOnesOnlyWhenTheFirstNewOneIsWritten) {
  const TemporaryFolder folder;
  TinyRun run(folder.path());
  run.checkpointer.save(5);
  TinyRun fresh(folder.path(), 2);
  fresh.checkpointer.start_over();
  EXPECT_THAT(published(folder), ElementsAre("step-00000005"));
  {
    const FullDisk full(3000);
    EXPECT_THROW(fresh.checkpointer.save(1), Error);
  }
  EXPECT_EQ(find_newest_checkpoint(folder / "checkpoints")->step, 5);
  fresh.checkpointer.save(1);
  EXPECT_THAT(published(folder), ElementsAre("step-00000001"));
}

TEST(Checkpointer, FoldersThatADeadRunSetAsideGoWhenTheNextSaveIsDurable) {
  const TemporaryFolder folder;
  TinyRun run(folder.path());
  const auto path = run.checkpointer.save(1);
  auto aside = path.parent_path() / "step-00000002.set-aside-1";
  std::filesystem::copy(path, aside, std::filesystem::copy_options::recursive);
  run.checkpointer.clean_up();
  EXPECT_TRUE(std::filesystem::exists(aside));
  run.checkpointer.save(3);
  EXPECT_THAT(published(folder), ElementsAre("step-00000001", "step-00000003"));
}

TEST(Checkpointer, SettingsAreStoredAndReadBeforeAnythingIsLoaded) {
  const TemporaryFolder folder;
  TinyRun run(folder.path(), 7);
  run.checkpointer.save(1);
  EXPECT_EQ(stored_settings(*find_newest_checkpoint(folder / "checkpoints")), Json({{"seed", 7}}));
}

TEST(Checkpointer, StateOfAnotherVersionIsRefusedWithBothVersions) {
  const TemporaryFolder folder;
  TinyRun run(folder.path());
  const auto path = run.checkpointer.save(1);
  Json state = read_json_file(path / "trainer/state.json");
  state["version"] = 1;
  write_file_atomic(path / "trainer/state.json", to_json_text(state));
  EXPECT_THAT(error_of<CheckpointError>([&] { stored_settings({.path = path}); }),
              testing::AllOf(HasSubstr("version 1, this program reads version 2"),
                             HasSubstr("model.pretrained")));
}

TEST(Checkpointer, FullDiskNamesPathAndBytesAndLeavesThePreviousOneIntact) {
  const TemporaryFolder folder;
  TinyRun run(folder.path());
  run.checkpointer.save(1);
  for (const rlim_t limit : {100, 3000, 9000, 20000}) {
    std::string text;
    {
      const FullDisk full(limit);
      text = error_of<Error>([&] { run.checkpointer.save(2); });
    }
    EXPECT_THAT(text, HasSubstr("step-00000002"));
    EXPECT_THAT(text, HasSubstr("needs"));
    EXPECT_THAT(published(folder), ElementsAre("step-00000001"));
    EXPECT_EQ(find_newest_checkpoint(folder / "checkpoints")->step, 1);
  }
  run.checkpointer.save(2);
  EXPECT_EQ(find_newest_checkpoint(folder / "checkpoints")->step, 2);
}

// SIGXFSZ ends the process at an exact byte: a kill in the middle of a save that can be repeated.
TEST(Checkpointer, ProcessKilledInTheMiddleOfASaveLeavesThePreviousOne) {
  const TemporaryFolder folder;
  TinyRun run(folder.path());
  run.checkpointer.save(1);
  for (const rlim_t limit : {1, 700, 3000, 9000, 20000}) {
    const pid_t child = fork();
    if (child == 0) {
      std::signal(SIGXFSZ, SIG_DFL);
      const rlimit none{0, 0};
      setrlimit(RLIMIT_CORE, &none);
      const rlimit size{limit, limit};
      setrlimit(RLIMIT_FSIZE, &size);
      run.checkpointer.save(2);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << limit;
    EXPECT_EQ(find_newest_checkpoint(folder / "checkpoints")->step, 1);
  }
  EXPECT_EQ(published(folder).size(), 6u);
  run.checkpointer.clean_up();
  EXPECT_THAT(published(folder), ElementsAre("step-00000001"));
}

TEST(Checkpointer, StateThatNothingOwnsOrThatIsMissingIsListedAtOnce) {
  const TemporaryFolder folder;
  TinyRun run(folder.path());
  run.checkpointer.save(1);
  TinyRun other(folder.path(), 2);
  other.optimizer.first_.suffix = ".momentum";
  const std::string text = error_of<Error>([&] { other.resume(); });
  EXPECT_THAT(text, HasSubstr("model.norm.weight.momentum: is missing"));
  EXPECT_THAT(text, HasSubstr("model.norm.weight.exp_avg: is left over"));
}

TEST(Checkpointer, OtherPositionsAreReportedOnLoad) {
  const TemporaryFolder folder;
  TinyRun run(folder.path());
  run.checkpointer.save(1);
  DecoderSpec longer = tiny_spec();
  longer.rope.kind = RopeKind::kLinear;
  longer.rope.factor = 4.0;
  longer.rope.max_position_embeddings = 128;
  const FoundCheckpoint found = run.checkpointer.find({}).value();
  EXPECT_THAT(rope_difference(found, longer.rope), HasSubstr("4"));
}

TEST(Discovery, WhatIsSaidAgainstACheckpointSendsItToTheOneBefore) {
  const TemporaryFolder folder;
  TinyRun run(folder.path());
  for (int64_t step = 1; step <= 2; ++step) run.checkpointer.save(step);
  const auto found = find_newest_checkpoint(folder / "checkpoints", [](const FoundCheckpoint& it) {
    return it.step == 2 ? std::string("unlucky") : std::string();
  });
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->step, 1);
  ASSERT_EQ(found->skipped.size(), 1u);
  EXPECT_EQ(found->skipped[0].reason, "unlucky");
  EXPECT_THAT(error_of<CheckpointError>([&] {
                find_newest_checkpoint(folder / "checkpoints",
                                       [](const FoundCheckpoint&) { return std::string("odd"); });
              }),
              AllOf(HasSubstr("step-00000001: odd"), HasSubstr("step-00000002: odd")));
}

TEST(Checkpointer, StateSpreadOverSmallShardsComesBack) {
  const TemporaryFolder folder;
  const auto decoder = tiny_decoder(1);
  FakeOptimizer optimizer(*decoder, 1.0);
  const CheckpointerOptions options{
      .run_dir = folder.path(), .model_config = tiny_hf_config(*decoder), .max_shard_bytes = 3000};
  Checkpointer checkpointer(options,
                            decoder->spec(),
                            dist::as_whole(decoder->named_weights()),
                            std::make_shared<dist::Group>());
  checkpointer.add(optimizer);
  const auto path = checkpointer.save(1);
  EXPECT_GT(names_in(path / "trainer").size(), 3u);
  TinyRun other(folder.path(), 2);
  other.resume();
  EXPECT_TRUE(same_weights(*decoder, *other.decoder));
  EXPECT_TRUE(optimizer.equals(other.optimizer));
}

RANK_BODY(save_and_load) {
  const std::filesystem::path folder = dist::test_variable("ROPEWALK_TEST_FOLDER");
  TinyRun run(folder, 1, DType::kF32, 2, dist::borrow(group));
  run.checkpointer.save(4);
  TinyRun other(folder, 2, DType::kF32, 2, dist::borrow(group));
  const LoadedCheckpoint loaded = other.resume();
  EXPECT_EQ(loaded.step, 4);
  EXPECT_TRUE(same_weights(*run.decoder, *other.decoder));
  EXPECT_TRUE(run.optimizer.equals(other.optimizer));
}

TEST(Checkpointer, ThreeRanksSaveOnceAndAllLoadTheSame) {
  const TemporaryFolder folder;
  dist::expect_ranks_pass("save_and_load", 3, {"ROPEWALK_TEST_FOLDER=" + folder.path().string()});
  EXPECT_THAT(published(folder), ElementsAre("step-00000004"));
}

RANK_BODY(failing_save) {
  const std::filesystem::path folder = dist::test_variable("ROPEWALK_TEST_FOLDER");
  TinyRun run(folder, 1, DType::kF32, 2, dist::borrow(group));
  std::unique_ptr<FullDisk> full;
  if (group.rank() == 0) full = std::make_unique<FullDisk>(3000);
  int exit_code = 0;
  std::string text;
  try {
    run.checkpointer.save(1);
  } catch (const Error& error) {
    exit_code = error.exit_code();
    text = error.what();
  }
  EXPECT_EQ(exit_code, kExitFailure);
  EXPECT_THAT(text, HasSubstr("needs"));
}

TEST(Checkpointer, FullDiskOnRankZeroIsTheSameErrorOnEveryRank) {
  const TemporaryFolder folder;
  dist::expect_ranks_pass("failing_save", 2, {"ROPEWALK_TEST_FOLDER=" + folder.path().string()});
}

RANK_BODY(different_views) {
  const std::filesystem::path folder = dist::test_variable("ROPEWALK_TEST_FOLDER");
  TinyRun run(folder / std::to_string(group.rank()), static_cast<uint64_t>(group.rank() + 1));
  run.checkpointer.save(1);
  const FoundCheckpoint other{.path = folder / "1/checkpoints/step-00000001", .step = 1};
  group.barrier();
  if (group.rank() == 1) std::filesystem::remove(other.path / "trainer/state.json");
  group.barrier();
  TinyRun ranks(folder / "1", 3, DType::kF32, 2, dist::borrow(group));
  EXPECT_THAT(error_of<Error>([&] { ranks.checkpointer.load(other); }), HasSubstr("state.json"));
}

TEST(Checkpointer, DamageThatRanksMeetWhileLoadingIsAnErrorOnAll) {
  const TemporaryFolder folder;
  for (const char* rank : {"0", "1"}) std::filesystem::create_directory(folder / rank);
  dist::expect_ranks_pass("different_views", 2, {"ROPEWALK_TEST_FOLDER=" + folder.path().string()});
}

}  // namespace
}  // namespace ropewalk
