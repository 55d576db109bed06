#include "ropewalk/rope/scaling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "rope/rope_test_tools.h"

namespace ropewalk {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

ScalingRequest request(std::optional<int64_t> window, std::optional<double> factor) {
  ScalingRequest request;
  request.max_position_embeddings = window;
  request.pos_scaling_factor = factor;
  return request;
}

struct Outcome {
  RopeParameters rope;
  std::string errors;
  std::string warnings;
};

Outcome resolve(const RopeParameters& trained, const ScalingRequest& asked) {
  Diagnostics diagnostics;
  Outcome outcome;
  outcome.rope = resolve_scaling(trained, asked, diagnostics);
  outcome.errors = errors_of(diagnostics);
  outcome.warnings = warnings_of(diagnostics);
  return outcome;
}

TEST(Scaling, NothingAskedChangesNothing) {
  for (const RopeParameters& rope : {plain_rope(), linear_rope(8.0), yarn_rope(), llama3_rope()}) {
    const Outcome outcome = resolve(rope, {});
    EXPECT_EQ(outcome.rope, rope);
    EXPECT_THAT(outcome.errors, IsEmpty());
    EXPECT_THAT(outcome.warnings, IsEmpty());
  }
}

TEST(Scaling, WindowAndFactorExtendLinearly) {
  const Outcome outcome = resolve(plain_rope(), request(512, 8.0));
  EXPECT_EQ(outcome.rope, linear_rope(8.0));
  EXPECT_THAT(outcome.errors + outcome.warnings, IsEmpty());
}

TEST(Scaling, FactorIsTotalOnReExtension) {
  const Outcome outcome = resolve(linear_rope(2.0), request(512, 8.0));
  EXPECT_EQ(outcome.rope, linear_rope(8.0));
  EXPECT_THAT(outcome.errors + outcome.warnings, IsEmpty());
}

TEST(Scaling, RelativeFactorOnReExtensionIsExplained) {
  const Outcome outcome = resolve(linear_rope(2.0), request(512, 4.0));
  EXPECT_THAT(outcome.errors, HasSubstr("does not reach"));
  EXPECT_THAT(outcome.errors, HasSubstr("already has 2, so 4 more makes 8"));
}

TEST(Scaling, FactorThatDoesNotReachIsAnErrorThatExplains) {
  const Outcome outcome = resolve(plain_rope(), request(512, 4.0));
  EXPECT_THAT(outcome.errors, HasSubstr("model.pos_scaling_factor"));
  EXPECT_THAT(outcome.errors, HasSubstr("go up to 127.75, beyond the 63"));
  EXPECT_THAT(outcome.errors, HasSubstr("expected at least 8"));
}

TEST(Scaling, FactorThatReachesFurtherIsAWarning) {
  const Outcome outcome = resolve(plain_rope(), request(512, 16.0));
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_THAT(outcome.warnings, HasSubstr("more than needed"));
}

TEST(Scaling, LongerWindowWithoutFactorTellsTheFactor) {
  EXPECT_THAT(resolve(plain_rope(), request(512, {})).errors,
              HasSubstr("write pos_scaling_factor 8, or 1"));
  EXPECT_THAT(resolve(linear_rope(8.0), request(1024, {})).errors,
              HasSubstr("expected at least 16"));
}

TEST(Scaling, FactorOneWithLongerWindowIsDirectTuningWithAWarning) {
  const Outcome outcome = resolve(plain_rope(), request(512, 1.0));
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_THAT(outcome.warnings, HasSubstr("direct tuning"));
  EXPECT_EQ(outcome.rope.kind, RopeKind::kDefault);
  EXPECT_EQ(outcome.rope.original_max_position_embeddings, 64);
  EXPECT_EQ(outcome.rope.max_position_embeddings, 512);
  // Going on with that model asks nothing again.
  EXPECT_THAT(resolve(outcome.rope, {}).errors, IsEmpty());
}

TEST(Scaling, StatedOriginalWins) {
  ScalingRequest asked = request(512, 4.0);
  asked.original_max_position_embeddings = 128;
  const Outcome outcome = resolve(plain_rope(512), asked);
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_EQ(outcome.rope.original_max_position_embeddings, 128);
}

TEST(Scaling, BadFactorsAreErrors) {
  for (const double factor :
       {0.5, -1.0, 0.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(resolve(plain_rope(), request(512, factor)).errors,
                HasSubstr("expected a number >= 1"))
        << factor;
  }
}

TEST(Scaling, LinearOnNativeScalingIsRefusedWithTheWays) {
  for (const RopeParameters& trained : {llama3_rope(), yarn_rope()}) {
    const Outcome outcome = resolve(trained, request(trained.max_position_embeddings * 2, 2.0));
    EXPECT_THAT(outcome.errors, HasSubstr("asks for linear scaling"));
    EXPECT_THAT(outcome.errors, HasSubstr("sensible ways"));
    EXPECT_THAT(outcome.errors,
                HasSubstr("pos_scaling_type \"" + std::string(rope_kind_name(trained.kind))));
  }
}

TEST(Scaling, LongerWindowOnNativeScalingWithoutFactorIsRefusedWithTheWays) {
  EXPECT_THAT(resolve(llama3_rope(), request(262144, {})).errors,
              HasSubstr("(16 for this window)"));
}

TEST(Scaling, NativeKindMayGrow) {
  ScalingRequest asked = request(262144, 16.0);
  asked.pos_scaling_type = RopeKind::kLlama3;
  const Outcome outcome = resolve(llama3_rope(), asked);
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_EQ(outcome.rope.factor, 16.0);
  EXPECT_EQ(outcome.rope.low_freq_factor, 1.0);
}

TEST(Scaling, NativeFactorMayBeRestated) {
  const Outcome outcome = resolve(llama3_rope(), request({}, 8.0));
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_EQ(outcome.rope, llama3_rope());
}

TEST(Scaling, ChangedThetaIsSaid) {
  ScalingRequest asked;
  asked.rope_theta = 500000.0;
  const Outcome outcome = resolve(plain_rope(), asked);
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_THAT(outcome.warnings, HasSubstr("changed from 10000 to 500000"));
  EXPECT_EQ(outcome.rope.theta, 500000.0);
  asked.rope_theta = -1.0;
  EXPECT_THAT(resolve(plain_rope(), asked).errors, HasSubstr("model.rope_theta"));
}

TEST(Scaling, YarnTakesItsExtrasAndOthersAreRefused) {
  ScalingRequest asked = request(512, 8.0);
  asked.pos_scaling_type = RopeKind::kYarn;
  asked.beta_fast = 16.0;
  EXPECT_EQ(resolve(plain_rope(), asked).rope.beta_fast, 16.0);
  asked.pos_scaling_type = RopeKind::kLinear;
  EXPECT_THAT(resolve(plain_rope(), asked).errors, HasSubstr("model.beta_fast"));
}

TEST(Scaling, KindWithoutFactorTellsTheFactor) {
  ScalingRequest asked = request(512, {});
  asked.pos_scaling_type = RopeKind::kYarn;
  EXPECT_THAT(resolve(plain_rope(), asked).errors, HasSubstr("for this window 8"));
}

TEST(Scaling, ShrinkingTheFactorIsAWarning) {
  const Outcome outcome = resolve(linear_rope(8.0), request(128, 2.0));
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_THAT(outcome.warnings, HasSubstr("less than the checkpoint's total factor 8"));
}

TEST(Scaling, FactorForAnyLengthCoversIt) {
  for (int64_t original = 1; original < 60; ++original) {
    for (int64_t length = original; length < 400; length += 7) {
      const double factor = factor_for_length(original, length);
      EXPECT_GE(factor * static_cast<double>(original), static_cast<double>(length));
      EXPECT_EQ(covered_length(factor, original), length) << original << " " << length;
    }
  }
  EXPECT_EQ(factor_for_length(64, 512), 8.0);
  EXPECT_EQ(factor_for_length(64, 100), 1.5625);
}

}  // namespace
}  // namespace ropewalk
