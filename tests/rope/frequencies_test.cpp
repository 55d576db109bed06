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

TEST(Frequencies, DynamicIsUntouchedUpToLAndStretchesThetaBeyond) {
  const RopeParameters rope = dynamic_rope(8.0);
  const std::vector<double> base = frequencies(plain_rope());
  EXPECT_EQ(make_rope_table(rope, 64).inverse_frequencies, base);
  const std::vector<double> beyond = make_rope_table(rope, 512).inverse_frequencies;
  // b_n = b (s n / L - (s - 1))^(d / (d - 2)), with s = 8, n / L = 8, d = 32.
  RopeParameters stretched = plain_rope();
  stretched.theta = 10000.0 * std::pow(57.0, 32.0 / 30.0);
  const std::vector<double> expected = frequencies(stretched);
  for (size_t i = 0; i < base.size(); ++i) EXPECT_DOUBLE_EQ(beyond[i], expected[i]);
  EXPECT_EQ(beyond.front(), base.front());
}

TEST(Frequencies, LongropeTakesTheLongListBeyondLOnly) {
  const RopeParameters rope = longrope_rope();
  const std::vector<double> base = frequencies(plain_rope());
  EXPECT_DOUBLE_EQ(make_rope_table(rope, 64).inverse_frequencies[1], base[1] / 1.25);
  EXPECT_DOUBLE_EQ(make_rope_table(rope, 65).inverse_frequencies[1], base[1] / 2.5);
  EXPECT_DOUBLE_EQ(make_rope_table(rope).attention_factor,
                   std::sqrt(1.0 + std::log(8.0) / std::log(64.0)));
}

TEST(Frequencies, OnlyDynamicAndLongropeDependOnTheLength) {
  EXPECT_TRUE(rope_depends_on_length(dynamic_rope(8.0)));
  EXPECT_TRUE(rope_depends_on_length(longrope_rope()));
  RopeParameters fixed = dynamic_rope(1.0);
  fixed.alpha = 1000.0;
  for (const RopeParameters& rope :
       {plain_rope(), linear_rope(8.0), yarn_rope(), llama3_rope(), proportional_rope(4), fixed}) {
    EXPECT_FALSE(rope_depends_on_length(rope));
    EXPECT_EQ(make_rope_table(rope, 1 << 20).inverse_frequencies, frequencies(rope));
  }
}

TEST(Frequencies, ProportionalPairsTurnOverTheWholeHeadOrStandStill) {
  const std::vector<double> base = frequencies(plain_rope());
  RopeParameters rope = proportional_rope(4);
  rope.factor = 2.0;
  const std::vector<double> found = frequencies(rope);
  ASSERT_EQ(found.size(), 16u);
  for (size_t i = 0; i < 16; ++i) EXPECT_EQ(found[i], i < 4 ? base[i] / 2.0 : 0.0);
}

TEST(Frequencies, ExplicitAttentionFactorWinsOverTheComputed) {
  RopeParameters rope = yarn_rope();
  rope.mscale = 0.7;
  rope.mscale_all_dim = 1.0;
  rope.attention_factor = 1.5;
  EXPECT_EQ(make_rope_table(rope).attention_factor, 1.5);
}

TEST(Frequencies, Fp32RoundsEveryStepAndAgreesWithDouble) {
  const Fp32Power power = [](double base, const std::vector<float>& exponents) {
    std::vector<float> values;
    for (const float x : exponents) values.push_back(std::pow(static_cast<float>(base), x));
    return values;
  };
  for (const RopeParameters& rope : {plain_rope(),
                                     linear_rope(3.0),
                                     dynamic_rope(4.0),
                                     yarn_rope(),
                                     longrope_rope(),
                                     llama3_rope(),
                                     proportional_rope(5)}) {
    for (const int64_t length : {0, 64, 5000}) {
      const RopeTable table = make_rope_table(rope, length);
      const Fp32RopeTable rounded = make_fp32_rope_table(rope, length, power);
      EXPECT_EQ(rounded.attention_factor, table.attention_factor);
      for (size_t i = 0; i < table.inverse_frequencies.size(); ++i) {
        const double exact = table.inverse_frequencies[i];
        EXPECT_NEAR(rounded.inverse_frequencies[i], exact, 3e-6 * exact) << describe_rope(rope);
      }
    }
  }
}

TEST(Frequencies, MissingOrImpossibleExtrasAreRefusedByKindAndName) {
  const auto message = [](const RopeParameters& rope) -> std::string {
    try {
      make_rope_table(rope);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  RopeParameters rope = longrope_rope();
  rope.long_factor.pop_back();
  EXPECT_THAT(message(rope), HasSubstr("longrope: long_factor has 15 numbers"));
  rope = longrope_rope();
  rope.short_factor[3] = 0.0;
  EXPECT_THAT(message(rope), HasSubstr("short_factor: found 0"));
  rope = proportional_rope(17);
  EXPECT_THAT(message(rope), HasSubstr("17 turning pairs"));
  rope = linear_rope(2.0);
  rope.turning_pairs = 4;
  EXPECT_THAT(message(rope), HasSubstr("belongs to kind proportional"));
  rope = dynamic_rope(2.0);
  rope.rotary_dims = 2;
  EXPECT_THAT(message(rope), HasSubstr("dynamic: 2 rotary dimensions"));
  rope = llama3_rope();
  rope.low_freq_factor.reset();
  EXPECT_THAT(message(rope), HasSubstr("low_freq_factor and high_freq_factor are required"));
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
