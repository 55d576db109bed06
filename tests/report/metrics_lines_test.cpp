#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "ropewalk/report/run_record.h"

namespace ropewalk {
namespace {

using ::testing::HasSubstr;

TEST(MetricsLines, HoldTrainingAndEvaluations) {
  Diagnostics faults;
  const RunMetrics metrics = parse_metrics(
      "{\"step\":1,\"loss\":2.5,\"learning_rate\":0.1,\"tokens\":64,\"memory_bytes\":100}\n"
      "{\"step\":2,\"loss\":null,\"skipped\":true}\n"
      "{\"step\":2,\"eval/perplexity@512\":9.5,\"eval/perplexity@512/factor_2.5\":7,"
      "\"eval/other@512\":1,\"eval/perplexity@x\":1}\n",
      "m",
      faults);
  EXPECT_TRUE(faults.ok()) << faults.report("m");
  ASSERT_EQ(metrics.training.size(), 2u);
  EXPECT_EQ(metrics.training[0].loss, 2.5);
  EXPECT_TRUE(std::isnan(metrics.training[0].mfu));
  EXPECT_TRUE(std::isnan(metrics.training[1].loss));
  EXPECT_TRUE(metrics.training[1].skipped);
  ASSERT_EQ(metrics.evaluations.size(), 2u);
  EXPECT_EQ(metrics.evaluations[0].window, 512);
  EXPECT_FALSE(metrics.evaluations[0].factor);
  EXPECT_EQ(metrics.evaluations[1].factor, 2.5);
  EXPECT_EQ(metrics.evaluations[1].perplexity, 7);
  EXPECT_FALSE(metrics.torn);
}

TEST(MetricsLines, HalfALineAtTheEndIsNoFault) {
  const std::string whole = "{\"step\":1,\"loss\":2.5}\n{\"step\":2,\"loss\":2.25}";
  for (size_t length = 0; length <= whole.size(); ++length) {
    Diagnostics faults;
    const RunMetrics metrics = parse_metrics(whole.substr(0, length), "m", faults);
    EXPECT_TRUE(faults.ok()) << length << ": " << faults.report("m");
    const size_t first = whole.find('\n');
    EXPECT_EQ(metrics.training.size(), (length >= first ? 1u : 0u) + (length == whole.size()));
    const bool between = length == 0 || length == first || length == first + 1;
    EXPECT_EQ(metrics.torn, !between && length < whole.size()) << length;
  }
}

TEST(MetricsLines, EveryBadLineIsNamedUpToAFew) {
  Diagnostics faults;
  std::string text =
      "{\"step\":1,\"loss\":2.5}\n{\"step\":\n[1]\n{\"loss\":1}\n{\"step\":3,\"loss\":\"x\"}\n";
  for (int i = 0; i < 10; ++i) text += "\n";
  parse_metrics(text, "runs/a/metrics.jsonl", faults);
  const std::string report = faults.report("report");
  EXPECT_THAT(report,
              HasSubstr("runs/a/metrics.jsonl:2: not valid JSON: found \"{\\\"step\\\":\""));
  EXPECT_THAT(report, HasSubstr("runs/a/metrics.jsonl:3: found [1]; expected an object"));
  EXPECT_THAT(report, HasSubstr("runs/a/metrics.jsonl:4: step: is missing"));
  EXPECT_THAT(report, HasSubstr("runs/a/metrics.jsonl:5: loss: found \"x\"; expected a number"));
  EXPECT_THAT(report, HasSubstr("and 9 more lines like these"));
}

TEST(MetricsLines, NumbersThatNoDoubleHoldsAreFaultsNotCrashes) {
  Diagnostics faults;
  parse_metrics("{\"step\":1,\"loss\":1e400}\n{\"step\":1e300,\"loss\":1}\n\xff\n", "m", faults);
  EXPECT_EQ(faults.errors().size(), 3u) << faults.report("m");
}

}  // namespace
}  // namespace ropewalk
