#include "ropewalk/rope/frequencies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "rope/rope_test_tools.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"

namespace ropewalk {
namespace {

using ::testing::HasSubstr;

std::vector<double> frequencies(const RopeParameters& rope) {
  return make_rope_table(rope).inverse_frequencies;
}

TEST(Frequencies, ScaledTableAtPTimesFactorEqualsBaseTableAtP) {
  const std::vector<double> base = frequencies(plain_rope());
  for (const double factor : {2.0, 3.0, 8.0, 16.0, 1.5625}) {
    const std::vector<double> scaled = frequencies(linear_rope(factor));
    for (size_t i = 0; i < base.size(); ++i) {
      for (const double position : {0.0, 1.0, 17.0, 63.0}) {
        EXPECT_DOUBLE_EQ(position * factor * scaled[i], position * base[i]);
      }
    }
  }
}

TEST(Frequencies, FactorOneIsTheIdentityBitForBit) {
  RopeParameters rope = plain_rope(2048, 128, 500000.0);
  const std::vector<double> base = frequencies(rope);
  rope.kind = RopeKind::kLinear;
  EXPECT_EQ(frequencies(rope), base);
}

TEST(Frequencies, ExtendingByTwoThenFourEqualsEight) {
  std::vector<double> in_steps = frequencies(plain_rope());
  for (double& omega : in_steps) omega = omega / 2.0 / 4.0;
  EXPECT_EQ(in_steps, frequencies(linear_rope(8.0)));
}

TEST(Frequencies, YarnLeavesFastPairsAndInterpolatesSlowOnes) {
  const RopeParameters rope = yarn_rope();
  const RopeTable table = make_rope_table(rope);
  const std::vector<double> base = frequencies(plain_rope(2048, 128));
  EXPECT_EQ(table.inverse_frequencies.front(), base.front());
  EXPECT_EQ(table.inverse_frequencies.back(), base.back() / 16.0);
  EXPECT_NEAR(table.attention_factor, 1.2773, 1e-4);
}

TEST(Frequencies, YarnRampHasThePublishedBounds) {
  const auto bounds = [](int64_t dims, double theta, int64_t length) {
    RopeParameters rope = plain_rope(length, dims, theta);
    rope.kind = RopeKind::kYarn;
    const YarnRamp ramp = yarn_ramp(rope);
    return std::pair(ramp.low, ramp.high);
  };
  EXPECT_EQ(bounds(128, 1e4, 2048), std::pair(16.0, 41.0));
  EXPECT_EQ(bounds(128, 1e4, 4096), std::pair(20.0, 46.0));
  EXPECT_EQ(bounds(128, 5e5, 8192), std::pair(18.0, 35.0));
  EXPECT_EQ(bounds(64, 1e4, 2048), std::pair(8.0, 21.0));
}

TEST(Frequencies, YarnByOneIsTheIdentity) {
  const RopeTable table = make_rope_table(yarn_rope(1.0));
  const std::vector<double> base = frequencies(plain_rope(2048, 128));
  for (size_t i = 0; i < base.size(); ++i) {
    EXPECT_DOUBLE_EQ(table.inverse_frequencies[i], base[i]);
  }
  EXPECT_EQ(table.attention_factor, 1.0);
}

TEST(Frequencies, EqualTransformersForEveryKind) {
  const Json fixture = read_json_file(ROPEWALK_SOURCE_DIR "/tests/fixtures/rope_frequencies.json");
  ASSERT_GT(fixture["cases"].size(), 10u);
  for (const Json& reference : fixture["cases"]) {
    SCOPED_TRACE(reference["name"].get<std::string>());
    const Json& config = reference["config"];
    RopeContext context;
    context.head_dim =
        config["hidden_size"].get<int64_t>() / config["num_attention_heads"].get<int64_t>();
    context.max_position_embeddings = config["max_position_embeddings"].get<int64_t>();
    Diagnostics diagnostics;
    const RopeTable table = make_rope_table(read_hf_rope(config, context, diagnostics).now);
    ASSERT_TRUE(diagnostics.ok()) << errors_of(diagnostics);
    EXPECT_NEAR(table.attention_factor, reference["attention_factor"].get<double>(), 1e-12);
    ASSERT_EQ(table.inverse_frequencies.size(), reference["inverse_frequencies"].size());
    for (size_t i = 0; i < table.inverse_frequencies.size(); ++i) {
      // The reference is computed in fp32.
      const double expected = reference["inverse_frequencies"][i].get<double>();
      EXPECT_NEAR(table.inverse_frequencies[i] / expected, 1.0, 3e-6) << i;
    }
  }
}

TEST(Frequencies, UnsupportedKindIsRefusedByName) {
  for (const RopeKind kind : {RopeKind::kDynamic, RopeKind::kLongrope, RopeKind::kProportional}) {
    RopeParameters rope = plain_rope();
    rope.kind = kind;
    try {
      make_rope_table(rope);
      FAIL() << rope_kind_name(kind);
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr(std::string(rope_kind_name(kind))));
      EXPECT_THAT(error.what(), HasSubstr("not supported"));
    }
  }
}

TEST(Frequencies, ImpossibleParametersAreRefused) {
  RopeParameters rope = linear_rope(0.5);
  EXPECT_THROW(make_rope_table(rope), ConfigError);
  rope = plain_rope(64, 31);
  EXPECT_THROW(make_rope_table(rope), ConfigError);
  rope = plain_rope(64, 32, -1.0);
  EXPECT_THROW(make_rope_table(rope), ConfigError);
  rope = linear_rope(std::nan(""));
  EXPECT_THROW(make_rope_table(rope), ConfigError);
}

}  // namespace
}  // namespace ropewalk
