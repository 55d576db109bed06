#include "ropewalk/rope/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rope/rope_test_tools.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

using ::testing::HasSubstr;

TEST(Identity, SurvivesWritingAndReading) {
  const RopeParameters rope = linear_rope(8.0);
  Diagnostics diagnostics;
  const auto parsed =
      parse_rope_identity(parse_json(rope_identity(rope).dump(), "identity"), diagnostics);
  ASSERT_TRUE(parsed.has_value()) << errors_of(diagnostics);
  EXPECT_EQ(*parsed, make_rope_identity(rope));
}

TEST(Identity, SameModelIsSame) {
  const auto comparison = compare_identity(rope_identity(yarn_rope()), yarn_rope());
  EXPECT_EQ(comparison.match, IdentityMatch::kSame);
}

TEST(Identity, LastBitsOfAFrequencyDoNotMatter) {
  RopeParameters rope = plain_rope();
  const std::string hash = hash_rope_table(rope);
  rope.theta *= 1.0 + 1e-14;
  EXPECT_EQ(hash_rope_table(rope), hash);
  rope.theta *= 1.0 + 1e-5;
  EXPECT_NE(hash_rope_table(rope), hash);
}

TEST(Identity, LargerFactorIsAnExtensionByTheRatio) {
  const auto first = compare_identity(rope_identity(plain_rope()), linear_rope(2.0));
  EXPECT_EQ(first.match, IdentityMatch::kExtension);
  EXPECT_EQ(first.ratio, 2.0);
  const auto second = compare_identity(rope_identity(linear_rope(2.0)), linear_rope(8.0));
  EXPECT_EQ(second.match, IdentityMatch::kExtension);
  EXPECT_EQ(second.ratio, 4.0);
  EXPECT_THAT(second.text, HasSubstr("extension by x4, in total x8"));
}

TEST(Identity, SmallerFactorIsADifferentModel) {
  const auto comparison = compare_identity(rope_identity(linear_rope(8.0)), linear_rope(2.0));
  EXPECT_EQ(comparison.match, IdentityMatch::kDifferent);
}

TEST(Identity, OtherThetaDimsOrLayoutIsADifferentModelAndSaysWhich) {
  const Json stored = rope_identity(plain_rope());
  RopeParameters rope = plain_rope(64, 32, 500000.0);
  auto comparison = compare_identity(stored, rope);
  EXPECT_EQ(comparison.match, IdentityMatch::kDifferent);
  EXPECT_THAT(comparison.text, HasSubstr("rope_theta 10000 -> 500000"));

  rope = plain_rope();
  rope.layout = RopeLayout::kInterleaved;
  comparison = compare_identity(stored, rope);
  EXPECT_EQ(comparison.match, IdentityMatch::kDifferent);
  EXPECT_THAT(comparison.text, HasSubstr("layout half -> interleaved"));

  comparison = compare_identity(stored, plain_rope(64, 64));
  EXPECT_EQ(comparison.match, IdentityMatch::kDifferent);
  EXPECT_THAT(comparison.text, HasSubstr("rotary dimensions 32 -> 64"));
}

TEST(Identity, YarnAfterLinearIsADifferentModel) {
  RopeParameters yarn = linear_rope(8.0);
  yarn.kind = RopeKind::kYarn;
  const auto comparison = compare_identity(rope_identity(linear_rope(2.0)), yarn);
  EXPECT_EQ(comparison.match, IdentityMatch::kDifferent);
}

TEST(Identity, ChangedExtrasAreADifferentModel) {
  RopeParameters edited = yarn_rope();
  edited.beta_fast = 16.0;
  const auto comparison = compare_identity(rope_identity(yarn_rope()), edited);
  EXPECT_EQ(comparison.match, IdentityMatch::kDifferent);
  EXPECT_THAT(comparison.text, HasSubstr("other frequencies"));
}

TEST(Identity, DamagedIdentityNamesEveryFault) {
  Json stored = rope_identity(plain_rope());
  stored["factor"] = "8";
  stored["kind"] = "liner";
  stored.erase("rope_theta");
  try {
    compare_identity(stored, plain_rope());
    FAIL();
  } catch (const CheckpointError& error) {
    EXPECT_THAT(error.what(), HasSubstr("ropewalk.factor"));
    EXPECT_THAT(error.what(), HasSubstr("liner"));
    EXPECT_THAT(error.what(), HasSubstr("ropewalk.rope_theta"));
  }
  EXPECT_THROW(compare_identity(Json("x"), plain_rope()), CheckpointError);
}

}  // namespace
}  // namespace ropewalk
