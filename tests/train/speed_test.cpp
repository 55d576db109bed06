#include "train/speed.h"

#include <gtest/gtest.h>

#include <limits>

namespace ropewalk {
namespace {

TEST(SpeedMeter, UtilisationIsAShareOfTheMatmulRate) {
  constexpr double kFlopsPerToken = 1e6;
  constexpr double kMatmulRate = 1e30;
  SpeedMeter speed(kFlopsPerToken, kMatmulRate);
  StepReport report;
  report.step_tokens = 1024;
  speed.measure(report, c10::kCPU);
  EXPECT_GT(report.mfu, 0);
  EXPECT_DOUBLE_EQ(report.mfu, report.tokens_per_second * kFlopsPerToken / kMatmulRate);
}

TEST(SpeedMeter, TrainingThatOutrunsTheMatmulRateTakesItsPlace) {
  SpeedMeter speed(/*flops_per_token=*/1, std::numeric_limits<double>::min());
  StepReport report;
  report.step_tokens = int64_t{1} << 60;
  speed.measure(report, c10::kCPU);
  EXPECT_EQ(report.mfu, 1);
  speed.start_window();
  report.step_tokens = 1;
  speed.measure(report, c10::kCPU);
  EXPECT_LT(report.mfu, 1e-6);
}

}  // namespace
}  // namespace ropewalk
