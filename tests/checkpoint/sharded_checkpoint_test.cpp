#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <set>

#include "checkpoint/memory.h"
#include "checkpoint/shards.h"
#include "dist/rank_bodies.h"
#include "ropewalk/base/files.h"
#include "ropewalk/checkpoint/import.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {
namespace {

using testing::HasSubstr;
using Kind = ResumeRequest::Kind;

struct Layout {
  std::string name;
  Cut weights, moments;
};

// How ranks may hold a model. Of four ranks, two pairs hold the same ("hybrid").
std::vector<Layout> layouts_of(dist::Group& group) {
  const auto ranks = dist::borrow(group);
  const Cut even{.group = ranks}, gaps{.group = ranks, .gap = 301};
  std::vector<Layout> layouts = {{"even", even, even},
                                 {"gaps", gaps, even},
                                 {"whole", {}, {}},
                                 {"moments", {}, gaps},
                                 {"first", {.group = ranks, .all_on_first = true}, even}};
  if (group.size() == 4) {
    const int first = group.rank() / 2 * 2;
    const Cut pair{.group = group.subgroup({first, first + 1})};
    layouts.push_back({"hybrid", pair, pair});
  }
  return layouts;
}

constexpr std::array<std::pair<const char*, DType>, 2> kPrecisions = {
    std::pair{"fp32", DType::kF32}, std::pair{"bf16", DType::kBF16}};

std::filesystem::path shared_folder() { return dist::test_variable("ROPEWALK_TEST_FOLDER"); }

RANK_BODY(save_every_layout) {
  for (const auto& [precision, dtype] : kPrecisions) {
    for (const Layout& layout : layouts_of(group)) {
      const auto folder = shared_folder() / (std::string("4-") + precision + "-" + layout.name);
      ShardedRun run(
          {.folder = folder, .dtype = dtype, .weights = layout.weights, .moments = layout.moments},
          dist::borrow(group));
      run.checkpointer().save(3);
    }
  }
}

// Loads what other ranks saved in one layout into another, and saves that.
RANK_BODY(load_and_save_every_layout) {
  const std::string saved = dist::test_variable("ROPEWALK_TEST_SAVED");
  for (const auto& [precision, dtype] : kPrecisions) {
    for (const Layout& layout : layouts_of(group)) {
      ShardedRunOptions options{.seed = 6, .dtype = dtype};
      options.weights = layout.weights;
      options.moments = layout.moments;
      const std::string suffix = std::string("-") + precision + "-" + layout.name;
      options.folder = shared_folder() / (std::to_string(group.size()) + suffix);
      ShardedRun run(options, dist::borrow(group));
      const auto from = shared_folder() / (saved + suffix) / "checkpoints/step-00000003";
      run.checkpointer().load(run.checkpointer().find({Kind::kExactly, from.string()}).value());
      options.seed = 5;
      ShardedRun original(options, dist::borrow(group));
      EXPECT_TRUE(run.equals(original)) << suffix;
      run.checkpointer().save(3);
    }
  }
}

std::set<std::string> files_below(const std::filesystem::path& folder) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      files.insert(std::filesystem::relative(entry.path(), folder).string());
    }
  }
  return files;
}

// The environment tells the number of ranks; nothing else may.
void expect_same_checkpoint(const std::filesystem::path& ours, const std::filesystem::path& other) {
  EXPECT_EQ(files_below(ours), files_below(other)) << ours;
  for (const std::string& file : files_below(ours)) {
    if (file == "manifest.json") continue;
    if (file == "trainer/state.json") {
      Json state = read_json_file(ours / file), expected = read_json_file(other / file);
      state.erase("environment");
      expected.erase("environment");
      EXPECT_EQ(state, expected);
    } else {
      EXPECT_TRUE(read_file(ours / file) == read_file(other / file)) << ours / file;
    }
  }
}

TEST(ShardedCheckpoint, FilesAreThoseOfOneRankWhoeverHeldTheTensorsAndWhoeverLoadedThem) {
  const TemporaryFolder folder;
  const std::string shared = "ROPEWALK_TEST_FOLDER=" + folder.path().string();
  dist::expect_ranks_pass("save_every_layout", 4, {shared});
  dist::expect_ranks_pass("load_and_save_every_layout", 3, {shared, "ROPEWALK_TEST_SAVED=4"});
  dist::expect_ranks_pass("load_and_save_every_layout", 2, {shared, "ROPEWALK_TEST_SAVED=3"});
  dist::expect_ranks_pass("load_and_save_every_layout", 1, {shared, "ROPEWALK_TEST_SAVED=2"});
  for (const auto& [precision, dtype] : kPrecisions) {
    const auto reference = folder / (std::string("whole-") + precision);
    ShardedRun one({.folder = reference, .dtype = dtype}, std::make_shared<dist::Group>());
    one.checkpointer().save(3);
    size_t compared = 0;
    for (const std::string& name : names_in(folder.path())) {
      if (name.find(std::string("-") + precision + "-") == std::string::npos) continue;
      expect_same_checkpoint(folder / name / "checkpoints/step-00000003",
                             reference / "checkpoints/step-00000003");
      EXPECT_TRUE(find_newest_checkpoint(folder / name / "checkpoints").has_value()) << name;
      ++compared;
    }
    EXPECT_EQ(compared, 21u);
  }
}

// What is saved is the state at the call, whatever becomes of it while it is written.
RANK_BODY(save_in_the_background_every_layout) {
  for (const auto& [precision, dtype] : kPrecisions) {
    for (const Layout& layout : layouts_of(group)) {
      const auto folder = shared_folder() / (std::string(precision) + "-" + layout.name);
      ShardedRun run(
          {.folder = folder, .dtype = dtype, .weights = layout.weights, .moments = layout.moments},
          dist::borrow(group));
      const int64_t sent_before = group.sent_bytes();
      run.checkpointer().begin_save(3);
      run.overwrite_everything();
      group.barrier();  // the ranks may talk meanwhile
      run.checkpointer().begin_save(4);
      run.checkpointer().finish();
      EXPECT_FALSE(run.checkpointer().has_failed());
      EXPECT_EQ(run.checkpointer().newest(), folder / "checkpoints/step-00000004");
      EXPECT_LT(group.sent_bytes() - sent_before, 1000) << "files went over the training's group";
    }
  }
}

TEST(ShardedCheckpoint, InTheBackgroundTheStateAtTheCallIsSaved) {
  for (const int num_ranks : {1, 2, 4}) {
    const TemporaryFolder folder;
    dist::expect_ranks_pass("save_in_the_background_every_layout",
                            num_ranks,
                            {"ROPEWALK_TEST_FOLDER=" + folder.path().string()});
    for (const auto& [precision, dtype] : kPrecisions) {
      const auto reference = folder / (std::string("reference-") + precision);
      ShardedRun one({.folder = reference, .dtype = dtype}, std::make_shared<dist::Group>());
      one.checkpointer().save(3);
      size_t compared = 0;
      for (const std::string& name : names_in(folder.path())) {
        if (!name.starts_with(std::string(precision) + "-")) continue;
        expect_same_checkpoint(folder / name / "checkpoints/step-00000003",
                               reference / "checkpoints/step-00000003");
        ++compared;
      }
      EXPECT_EQ(compared, num_ranks == 4 ? 6u : 5u);
    }
  }
}

RANK_BODY(full_disk_in_the_background) {
  ShardedRun run({.folder = shared_folder()}, dist::borrow(group));
  run.checkpointer().begin_save(1);
  run.checkpointer().finish();
  const FullDisk full(group.rank() == 1 ? 3000 : 1'000'000);
  run.checkpointer().begin_save(2);
  const std::string text = error_of<Error>([&] { run.checkpointer().finish(); });
  EXPECT_THAT(text, HasSubstr("rank 1: "));
  EXPECT_THAT(text, HasSubstr("needs"));
  EXPECT_FALSE(run.checkpointer().has_failed());
  EXPECT_EQ(run.checkpointer().newest().filename(), "step-00000001");
  group.barrier();  // until rank 0 has cleaned up
  EXPECT_THAT(names_in(shared_folder() / "checkpoints"), testing::ElementsAre("step-00000001"));
}

TEST(ShardedCheckpoint, FullDiskInTheBackgroundIsToldOnAllWhenTheyWait) {
  const TemporaryFolder folder;
  dist::expect_ranks_pass(
      "full_disk_in_the_background", 3, {"ROPEWALK_TEST_FOLDER=" + folder.path().string()});
}

// The disk is full for one rank, which is not the first.
RANK_BODY(full_disk_on_rank_one) {
  for (const Layout& layout : layouts_of(group)) {
    const auto folder = shared_folder() / layout.name;
    ShardedRun run({.folder = folder, .weights = layout.weights, .moments = layout.moments},
                   dist::borrow(group));
    run.checkpointer().save(1);
    std::string text;
    {
      const FullDisk full(group.rank() == 1 ? 3000 : 1'000'000);
      text = error_of<Error>([&] { run.checkpointer().save(2); });
    }
    group.barrier();  // until rank 0 has cleaned up
    EXPECT_THAT(text, HasSubstr("rank 1: "));
    EXPECT_THAT(text, testing::Not(HasSubstr("rank 0: ")));
    EXPECT_THAT(text, HasSubstr("needs"));
    EXPECT_THAT(names_in(folder / "checkpoints"), testing::ElementsAre("step-00000001"));
    group.barrier();
    run.checkpointer().save(2);
    EXPECT_EQ(find_newest_checkpoint(folder / "checkpoints")->step, 2);
    group.barrier();
  }
}

TEST(ShardedCheckpoint, FullDiskOnOneRankEndsTheSaveOnAllAndKeepsEarlierCheckpoints) {
  const TemporaryFolder folder;
  dist::expect_ranks_pass(
      "full_disk_on_rank_one", 3, {"ROPEWALK_TEST_FOLDER=" + folder.path().string()});
}

// The second of the files is damaged for the second half.
RANK_BODY(import_in_shards) {
  const Cut even{.group = dist::borrow(group)};
  ShardedRun run({.folder = shared_folder(), .weights = even, .moments = even},
                 dist::borrow(group));
  const std::filesystem::path folder = run.checkpointer().save(3);
  const HfModel model = load_hf_model(folder);
  const auto decoder = tiny_decoder(1);
  const auto weights = cut_tensors(random_tensors_like(*decoder, 1), even);
  import_weights(weights, model.spec, model, group);
  const auto expected = cut_tensors(random_tensors_like(*decoder, 5), even);
  for (size_t i = 0; i < weights.size(); ++i) {
    EXPECT_TRUE(torch::equal(weights[i].second.local(), expected[i].second.local()));
  }
  const std::vector<std::string> files = names_in(folder);
  const auto second = std::find_if(files.begin(), files.end(), [](const std::string& name) {
    return name.starts_with("model-00002-of");
  });
  ASSERT_NE(second, files.end());
  group.barrier();
  if (group.rank() == 0) flip_byte(folder / *second, 5);
  group.barrier();
  const std::string text =
      error_of<Error>([&] { import_weights(weights, model.spec, model, group); });
  EXPECT_TRUE(text.starts_with("rank 1: "));
  EXPECT_THAT(text, HasSubstr(*second + ": hashes to"));
}

TEST(ShardedCheckpoint, RanksShareTheCheckOfAModelTheyImport) {
  const TemporaryFolder folder;
  dist::expect_ranks_pass(
      "import_in_shards", 2, {"ROPEWALK_TEST_FOLDER=" + folder.path().string()});
}

// Every parameter in even shards of its own, made without a whole one.
dist::NamedShardedTensors even_shards(const DecoderSpec& spec,
                                      const std::shared_ptr<dist::Group>& group) {
  dist::NamedShardedTensors shards;
  for (const WeightEntry& entry : weight_map(spec)) {
    const int64_t numel = c10::multiply_integers(entry.shape);
    const int64_t shard_numel = (numel - 1) / group->size() + 1;
    const int64_t begin = std::min(group->rank() * shard_numel, numel);
    shards.emplace_back(entry.name,
                        dist::ShardedTensor(entry.shape,
                                            {.offset = 0, .shard_numel = shard_numel},
                                            torch::ones({std::min(shard_numel, numel - begin)}),
                                            group));
  }
  return shards;
}

RANK_BODY(save_a_large_model) {
  const Json config = large_config(20000, 6);
  const DecoderSpec spec = spec_of(config);
  Checkpointer checkpointer({.run_dir = shared_folder(),
                             .model_config = config,
                             .dtype = DType::kBF16,
                             .max_shard_bytes = 50'000'000},
                            spec,
                            even_shards(spec, dist::borrow(group)),
                            dist::borrow(group));
  ASSERT_TRUE(forget_highest_memory());
  const int64_t before_kib = memory_kib("VmRSS");
  checkpointer.save(1);
  const int64_t growth_kib = memory_kib("VmHWM") - before_kib;
  const int64_t embedding_kib = 20000 * 512 * 4 / 1024;
  // Its own tensor and another that is gathered, or its own in the type of the file too. What
  // threads keep besides varies by a quarter of one; a third, of bf16, would be half of one.
  EXPECT_LT(growth_kib, 2 * embedding_kib + 18'000);
}

TEST(ShardedCheckpoint, SavingTakesTwoTensorsOfMemory) {
  const TemporaryFolder folder;
  dist::expect_ranks_pass(
      "save_a_large_model", 2, {"ROPEWALK_TEST_FOLDER=" + folder.path().string()});
}

}  // namespace
}  // namespace ropewalk
