#include "ropewalk/rope/rescale.h"

#include <gtest/gtest.h>

#include <limits>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

RopeParameters base() {
  return {.theta = 366,
          .head_dim = 64,
          .rotary_dims = 64,
          .max_position_embeddings = 256,
          .original_max_position_embeddings = 256};
}

TEST(Rescale, FactorIsTotalAgainstThePreTrainingContext) {
  const RopeParameters twice = rescale(base(), RopeKind::kLinear, 2);
  EXPECT_EQ(twice.kind, RopeKind::kLinear);
  EXPECT_EQ(twice.max_position_embeddings, 512);
  EXPECT_EQ(rescale(twice, RopeKind::kLinear, 4), rescale(base(), RopeKind::kLinear, 4));
}

TEST(Rescale, FactorOneIsNoScalingWhateverTheKind) {
  const RopeParameters twice = rescale(base(), RopeKind::kLinear, 2);
  for (const RopeParameters& own : {base(), twice, rescale(base(), RopeKind::kYarn, 4)}) {
    for (const RopeKind kind : {RopeKind::kDefault, RopeKind::kLinear, RopeKind::kYarn}) {
      EXPECT_EQ(rescale(own, kind, 1), base());
    }
  }
}

TEST(Rescale, RefusesFactorsBelowOneAndKindsThatNeedMore) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(rescale(base(), RopeKind::kLinear, 0.5), ConfigError);
  EXPECT_THROW(rescale(base(), RopeKind::kLinear, nan), ConfigError);
  EXPECT_THROW(rescale(base(), RopeKind::kLinear, 1e30), ConfigError);
  EXPECT_THROW(rescale(base(), RopeKind::kLlama3, 8), ConfigError);
  EXPECT_THROW(rescale(base(), RopeKind::kDefault, 8), ConfigError);
}

}  // namespace
}  // namespace ropewalk
