#include "ropewalk/eval/confidence.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ropewalk {
namespace {

TEST(Confidence, StudentsTIsThatOfTables) {
  EXPECT_NEAR(student_t_975(1), 12.7062, 1e-4);
  EXPECT_NEAR(student_t_975(2), 4.3027, 1e-4);
  EXPECT_NEAR(student_t_975(3), 3.1824, 5e-3);
  EXPECT_NEAR(student_t_975(4), 2.7764, 1e-3);
  EXPECT_NEAR(student_t_975(10), 2.2281, 1e-4);
  EXPECT_NEAR(student_t_975(100), 1.9840, 1e-4);
}

TEST(Confidence, EqualWeightsGiveTheIntervalOfAPlainMean) {
  // Mean 3, variance 2.5, n = 5: 3 +- 2.7764 * sqrt(2.5 / 5).
  const auto interval = confidence_interval({{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}});
  ASSERT_TRUE(interval);
  EXPECT_NEAR(interval->low, 3 - 2.7764 * std::sqrt(0.5), 1e-3);
  EXPECT_NEAR(interval->high, 3 + 2.7764 * std::sqrt(0.5), 1e-3);
}

TEST(Confidence, DocumentsOfOneMeanAreCertainWhateverTheirLength) {
  const auto interval = confidence_interval({{2, 1}, {20, 10}, {200, 100}});
  ASSERT_TRUE(interval);
  EXPECT_NEAR(interval->low, 2, 1e-12);
  EXPECT_NEAR(interval->high, 2, 1e-12);
}

TEST(Confidence, OneDocumentSaysNothingAboutOthers) {
  EXPECT_FALSE(confidence_interval({}));
  EXPECT_FALSE(confidence_interval({{3, 2}}));
  EXPECT_FALSE(confidence_interval({{3, 2}, {0, 0}}));
}

}  // namespace
}  // namespace ropewalk
