#include "ropewalk/base/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ropewalk {
namespace {

TEST(NearestName, FindsMisspellingsAndNothingElse) {
  const std::vector<std::string> names = {"pos_scaling_factor", "rope_theta", "steps", "seed"};
  EXPECT_EQ(nearest_name("pos_scaling_facter", names), "pos_scaling_factor");
  EXPECT_EQ(nearest_name("rope_teta", names), "rope_theta");
  EXPECT_EQ(nearest_name("setps", names), "steps");
  EXPECT_EQ(nearest_name("quantization", names), std::nullopt);
  EXPECT_EQ(nearest_name("x", {}), std::nullopt);
}

TEST(Text, SplitAndJoinAreInverse) {
  EXPECT_EQ(split("a..b", '.'), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(split("", '.'), (std::vector<std::string>{""}));
  EXPECT_EQ(join(split("a..b", '.'), "."), "a..b");
}

TEST(Text, CountsThings) {
  EXPECT_EQ(counted(1, "rank"), "1 rank");
  EXPECT_EQ(counted(0, "rank"), "0 ranks");
  EXPECT_EQ(counted(1024, "rank"), "1,024 ranks");
}

TEST(Text, WholeNumbersAreTheWholeText) {
  EXPECT_EQ(parse_int("29500"), 29500);
  EXPECT_EQ(parse_int("-3"), -3);
  for (const char* text : {"", " 1", "1 ", "+1", "0x10", "1.0", "2147483648"}) {
    EXPECT_EQ(parse_int(text), std::nullopt) << text;
  }
}

TEST(Text, FormatsBytes) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1610612736), "1.5 GiB");
  EXPECT_EQ(format_bytes(312 * 1024), "312 KiB");
}

TEST(Text, FormatsSeconds) {
  EXPECT_EQ(format_seconds(0.25), "0.2s");
  EXPECT_EQ(format_seconds(41), "41s");
  EXPECT_EQ(format_seconds(59.7), "1m00s");
  EXPECT_EQ(format_seconds(7380), "2h03m");
  EXPECT_EQ(format_seconds(std::numeric_limits<double>::infinity()), "?");
}

TEST(Text, FormatsNumbersShortest) {
  EXPECT_EQ(format_number(16.0), "16");
  EXPECT_EQ(format_number(0.1), "0.1");
  EXPECT_EQ(format_number(2e-5), "2e-05");
  EXPECT_EQ(format_number(500000.0), "500000");
  EXPECT_EQ(format_number(-std::nan("")), "nan");
}

TEST(Text, RoundedNumbersKeepFourDigits) {
  EXPECT_EQ(format_rounded(7.44912), "7.449");
  EXPECT_EQ(format_rounded(1.0), "1");
  EXPECT_EQ(format_rounded(1234567.0), "1.235e+06");
  EXPECT_EQ(format_rounded(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(format_percent(0.125), "12.5 %");
  EXPECT_EQ(format_percent(1.0), "100.0 %");
}

TEST(Text, FormatsCounts) {
  EXPECT_EQ(format_count(7), "7");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(-1000), "-1,000");
  EXPECT_EQ(format_count(std::numeric_limits<int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(Pattern, StarMatchesAnyRun) {
  EXPECT_TRUE(matches_pattern("layers.3.mlp.down.weight", "layers.*.weight"));
  EXPECT_TRUE(matches_pattern("layers.3.mlp.down.weight", "*mlp*"));
  EXPECT_TRUE(matches_pattern("", "*"));
  EXPECT_TRUE(matches_pattern("aXbXc", "a*X*c"));
  EXPECT_FALSE(matches_pattern("layers.3.mlp.down.bias", "layers.*.weight"));
  EXPECT_FALSE(matches_pattern("norm.weight", "norm"));
  EXPECT_FALSE(matches_pattern("norm.weight", "norm.weigh?"));
}

}  // namespace
}  // namespace ropewalk
