// Extension of models that bring scaling of their own, and to kinds beyond linear.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "rope/rope_test_tools.h"
#include "ropewalk/rope/scaling.h"

namespace ropewalk {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Outcome {
  RopeParameters rope;
  std::string errors;
  std::string warnings;
};

Outcome resolve(const RopeParameters& trained, const ScalingRequest& asked) {
  Diagnostics diagnostics;
  const RopeParameters rope = resolve_scaling(trained, asked, diagnostics);
  return {rope, errors_of(diagnostics), warnings_of(diagnostics)};
}

ScalingRequest ask(std::optional<RopeKind> kind, std::optional<double> factor, int64_t window) {
  ScalingRequest asked;
  asked.pos_scaling_type = kind;
  asked.pos_scaling_factor = factor;
  asked.max_position_embeddings = window;
  return asked;
}

RopeParameters scaled_proportional() {
  RopeParameters rope = proportional_rope(4);
  rope.factor = 2.0;
  rope.max_position_embeddings = 128;
  return rope;
}

TEST(ScalingKinds, NothingAskedChangesNothing) {
  for (const RopeParameters& rope :
       {dynamic_rope(8.0), longrope_rope(), proportional_rope(4), scaled_proportional()}) {
    const Outcome outcome = resolve(rope, {});
    EXPECT_EQ(outcome.rope, rope);
    EXPECT_THAT(outcome.errors + outcome.warnings, IsEmpty());
  }
}

TEST(ScalingKinds, LinearOnEveryNativeKindIsRefusedWithItsWays) {
  for (const RopeParameters& trained :
       {llama3_rope(), yarn_rope(), dynamic_rope(8.0), longrope_rope(), scaled_proportional()}) {
    const int64_t window = 2 * trained.max_position_embeddings;
    for (const auto kind : {std::optional<RopeKind>(), std::optional(RopeKind::kLinear)}) {
      const Outcome outcome = resolve(trained, ask(kind, 2.0 * trained.factor, window));
      EXPECT_THAT(outcome.errors, HasSubstr("asks for linear scaling")) << describe_rope(trained);
      EXPECT_THAT(outcome.errors, HasSubstr("sensible ways are"));
      EXPECT_THAT(outcome.errors, HasSubstr("allow_linear_over_native"));
    }
  }
  EXPECT_THAT(resolve(longrope_rope(), ask({}, 16.0, 1024)).errors,
              HasSubstr("short_factor and long_factor made for the new length"));
}

TEST(ScalingKinds, AllowedLinearReplacesTheNativeKindByTheTotalFactor) {
  for (const RopeParameters& trained : {yarn_rope(), dynamic_rope(8.0), longrope_rope()}) {
    const int64_t original = trained.original_max_position_embeddings;
    ScalingRequest asked = ask(RopeKind::kLinear, 32.0, 32 * original);
    asked.allow_linear_over_native = true;
    const Outcome outcome = resolve(trained, asked);
    EXPECT_THAT(outcome.errors, IsEmpty());
    EXPECT_THAT(outcome.warnings, HasSubstr("is replaced by linear with this factor in total"));
    RopeParameters expected = linear_rope(32.0, original, trained.rotary_dims);
    EXPECT_EQ(outcome.rope, expected);
  }
}

TEST(ScalingKinds, AllowanceWithoutUseIsSaid) {
  ScalingRequest asked = ask({}, 8.0, 512);
  asked.allow_linear_over_native = true;
  const Outcome outcome = resolve(plain_rope(), asked);
  EXPECT_EQ(outcome.rope, linear_rope(8.0));
  EXPECT_THAT(outcome.warnings, HasSubstr("allow_linear_over_native: has no effect"));
}

TEST(ScalingKinds, AnotherNativeKindIsRefusedEvenWhenLinearIsAllowed) {
  ScalingRequest asked = ask(RopeKind::kYarn, 16.0, 262144);
  asked.allow_linear_over_native = true;
  EXPECT_THAT(resolve(llama3_rope(), asked).errors, HasSubstr("asks for yarn scaling"));
}

TEST(ScalingKinds, EveryKindCanBeAskedOfAPlainModel) {
  for (const RopeKind kind : {RopeKind::kDynamic, RopeKind::kYarn, RopeKind::kProportional}) {
    const Outcome outcome = resolve(plain_rope(), ask(kind, 8.0, 512));
    EXPECT_THAT(outcome.errors + outcome.warnings, IsEmpty());
    RopeParameters expected = linear_rope(8.0);
    expected.kind = kind;
    EXPECT_EQ(outcome.rope, expected);
  }
  ScalingRequest asked = ask(RopeKind::kLongrope, 8.0, 512);
  asked.short_factor = longrope_rope().short_factor;
  asked.long_factor = longrope_rope().long_factor;
  const Outcome outcome = resolve(plain_rope(), asked);
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_EQ(outcome.rope, longrope_rope());
}

TEST(ScalingKinds, DynamicModelGrowsByItsFactorAndComposes) {
  const Outcome outcome = resolve(dynamic_rope(2.0), ask(RopeKind::kDynamic, 8.0, 512));
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_EQ(outcome.rope, dynamic_rope(8.0));
  EXPECT_THAT(resolve(dynamic_rope(2.0), ask(RopeKind::kDynamic, 2.0, 512)).warnings,
              HasSubstr("less than max_position_embeddings 512"));
}

TEST(ScalingKinds, LongropeListsAreChecked) {
  ScalingRequest asked = ask(RopeKind::kLongrope, 8.0, 512);
  EXPECT_THAT(resolve(plain_rope(), asked).errors,
              HasSubstr("model.short_factor: is missing for longrope; expected 16 numbers"));
  asked.short_factor = std::vector<double>(16, 1.0);
  asked.long_factor = std::vector<double>(15, 2.0);
  EXPECT_THAT(resolve(plain_rope(), asked).errors,
              HasSubstr("model.long_factor: found 15 numbers; expected 16"));
  asked.long_factor = std::vector<double>(16, -2.0);
  EXPECT_THAT(resolve(plain_rope(), asked).errors, HasSubstr("found -2; expected 16 numbers > 0"));
  asked.pos_scaling_type = RopeKind::kYarn;
  EXPECT_THAT(resolve(plain_rope(), asked).errors,
              HasSubstr("model.short_factor: belongs to pos_scaling_type longrope, found yarn"));
}

TEST(ScalingKinds, LongropeIsNotExtendedAgainByANumberAlone) {
  ScalingRequest asked = ask(RopeKind::kLongrope, 16.0, 1024);
  EXPECT_THAT(resolve(longrope_rope(), asked).errors,
              HasSubstr("cannot be extended again by a number alone"));
  asked.short_factor = longrope_rope().short_factor;
  asked.long_factor = std::vector<double>(16, 3.0);
  const Outcome outcome = resolve(longrope_rope(), asked);
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_EQ(outcome.rope.factor, 16.0);
  EXPECT_EQ(outcome.rope.long_factor, std::vector<double>(16, 3.0));
  // Its own factor may be restated.
  EXPECT_EQ(resolve(longrope_rope(), ask({}, 8.0, 512)).rope, longrope_rope());
}

TEST(ScalingKinds, LinearOfAProportionalModelIsItsOwnFactor) {
  const Outcome outcome = resolve(proportional_rope(4), ask({}, 2.0, 128));
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_THAT(outcome.warnings, HasSubstr("the kind stays proportional"));
  EXPECT_EQ(outcome.rope, scaled_proportional());
  RopeParameters partial = plain_rope(64, 16);
  partial.head_dim = 32;
  EXPECT_THAT(resolve(partial, ask(RopeKind::kProportional, 2.0, 128)).errors,
              HasSubstr("turns 16 of 32 dimensions: another model"));
}

TEST(ScalingKinds, FixedAlphaIsReplacedOnlyTogetherWithItsTheta) {
  RopeParameters trained = plain_rope();
  trained.kind = RopeKind::kDynamic;
  trained.alpha = 1000.0;
  ScalingRequest asked = ask(RopeKind::kDynamic, 8.0, 512);
  EXPECT_THAT(resolve(trained, asked).errors, HasSubstr("a fixed stretch by alpha 1000"));
  asked = ask(RopeKind::kLinear, 8.0, 512);
  asked.allow_linear_over_native = true;
  EXPECT_THAT(resolve(trained, asked).errors, HasSubstr("which its alpha amounts to"));
  asked.rope_theta = 10000.0 * std::pow(1000.0, 32.0 / 30.0);
  const Outcome outcome = resolve(trained, asked);
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_EQ(outcome.rope.theta, *asked.rope_theta);
  EXPECT_FALSE(outcome.rope.alpha.has_value());
}

TEST(ScalingKinds, KeptAttentionFactorIsSaidWhenTheFactorChanges) {
  RopeParameters trained = yarn_rope();
  trained.attention_factor = 1.25;
  const Outcome outcome = resolve(trained, ask(RopeKind::kYarn, 32.0, 65536));
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_THAT(outcome.warnings, HasSubstr("1.25 is kept from the checkpoint"));
}

TEST(ScalingKinds, ExtrasOfAnEditAreAskedForUnlessSaid) {
  RopeParameters edited = yarn_rope();
  edited.beta_fast = 16.0;
  edited.truncate = false;
  ScalingRequest asked;
  asked.beta_fast = 8.0;
  ask_for_extras_of(edited, asked);
  EXPECT_EQ(asked.beta_fast, 8.0);
  EXPECT_EQ(asked.truncate, false);
  EXPECT_FALSE(asked.short_factor.has_value());
}

}  // namespace
}  // namespace ropewalk
