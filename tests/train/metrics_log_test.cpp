#include "ropewalk/train/metrics_log.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "ropewalk/base/files.h"
#include "ropewalk/train/console.h"

namespace ropewalk {
namespace {

class MetricsLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "metrics-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(MetricsLogTest, ResumeDropsLaterAndTornLines) {
  const std::filesystem::path file = folder_ / "metrics.jsonl";
  append_to_file(file, "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"step\":4,\"lo");
  MetricsLog log(file, 2);
  log.write({{"step", 3}, {"loss", 0.5}});
  EXPECT_EQ(read_file(file), "{\"step\":1}\n{\"step\":2}\n{\"step\":3,\"loss\":0.5}\n");
}

TEST_F(MetricsLogTest, FreshStartEmptiesTheFile) {
  const std::filesystem::path file = folder_ / "metrics.jsonl";
  append_to_file(file, "{\"step\":1}\n");
  MetricsLog log(file, 0);
  EXPECT_EQ(read_file(file), "");
}

TEST(MetricsLine, HoldsEveryNumberOfTheContract) {
  StepReport report{.step = 7, .total_steps = 10, .loss = 2.5};
  const Json line = metrics_line(report);
  for (const char* key : {"step",
                          "loss",
                          "grad_norm",
                          "learning_rate",
                          "tokens",
                          "tokens_per_second",
                          "mfu",
                          "memory_bytes",
                          "time_s"}) {
    EXPECT_TRUE(line.contains(key)) << key;
  }
  EXPECT_EQ(line["step"], 7);
}

TEST(StepLine, ShowsTotalAndPerRankSpeed) {
  StepReport report{.step = 120, .total_steps = 1000, .loss = 2.7183};
  report.tokens_per_second = 41300;
  report.world_size = 2;
  const std::string line = step_line(report);
  EXPECT_NE(line.find("step 120/1000"), std::string::npos) << line;
  EXPECT_NE(line.find("loss 2.7183"), std::string::npos) << line;
  EXPECT_NE(line.find("41,300 tok/s (20,650/rank)"), std::string::npos) << line;
}

}  // namespace
}  // namespace ropewalk
