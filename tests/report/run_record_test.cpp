#include "ropewalk/report/run_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/temporary_folder.h"

namespace ropewalk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string identity_config(int64_t context) {
  return R"({"ropewalk": {"kind": "linear", "original_max_position_embeddings": 256,
             "max_position_embeddings": )" +
         std::to_string(context) +
         R"(, "factor": 2.0, "rope_theta": 10000.0, "rotary_dims": 64, "layout": "half",
             "frequency_hash": "x"}})";
}

std::vector<std::string> names_of(const std::vector<std::string>& folders) {
  std::vector<RunRecord> runs;
  for (const std::string& folder : folders) {
    runs.emplace_back();
    runs.back().folder = folder;
  }
  name_runs(runs);
  std::vector<std::string> names;
  for (const RunRecord& run : runs) names.push_back(run.name);
  return names;
}

TEST(RunRecord, PositionsAreThoseOfTheNewestCheckpointThatTells) {
  const TemporaryFolder folder;
  folder.put("config.json", "{}");
  folder.put("metrics.jsonl", "{\"step\":1,\"loss\":1}\n");
  folder.put("checkpoints/step-00000002/config.json", identity_config(512));
  folder.put("checkpoints/step-00000009/config.json", "{\"model_type\": \"llama\"}");
  folder.put("checkpoints/step-00000010/config.json", "half of");
  folder.put("checkpoints/step-00000011.tmp-1/config.json", identity_config(1024));
  Diagnostics faults;
  const RunRecord run = read_run(folder.path(), faults);
  EXPECT_TRUE(faults.ok()) << faults.report("report");
  ASSERT_TRUE(run.positions);
  EXPECT_EQ(run.positions->max_position_embeddings, 512);
  EXPECT_EQ(run.checkpoint.filename(), "step-00000010");
  EXPECT_EQ(run.metrics.training.size(), 1u);
}

TEST(RunRecord, EveryFaultOfAFolderIsTold) {
  const TemporaryFolder folder;
  Diagnostics faults;
  read_run(folder / "none", faults);
  read_run(folder.path(), faults);
  folder.put("run/config.json", "[1");
  folder.put("run/metrics.jsonl", "x\n");
  read_run(folder / "run", faults);
  folder.put("list/config.json", "[1]");
  folder.put("list/metrics.jsonl", "");
  read_run(folder / "list", faults);
  const std::string report = faults.report("report");
  EXPECT_EQ(faults.errors().size(), 6u) << report;
  EXPECT_THAT(report, HasSubstr("none: no such folder; expected a run directory"));
  EXPECT_THAT(report, HasSubstr("found no metrics.jsonl in it"));
  EXPECT_THAT(report, HasSubstr("run/config.json:1:3: not valid JSON"));
  EXPECT_THAT(report, HasSubstr("run/metrics.jsonl:1: not valid JSON"));
  EXPECT_THAT(report, HasSubstr("list/config.json: found \"[1]\"; expected a run config"));
}

TEST(RunNames, AreAsShortAsTellsThemApart) {
  EXPECT_THAT(names_of({"runs/a", "runs/b/", "./c"}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(names_of({"/x/one/a", "/x/two/a"}), ElementsAre("one/a", "two/a"));
  EXPECT_THAT(names_of({"/a"}), ElementsAre("a"));
  EXPECT_TRUE(names_of({}).empty());
}

}  // namespace
}  // namespace ropewalk
