#include "ropewalk/ops/grouped_linear.h"

#include "ops/checks.h"
#include "ops/reference/reference.h"

namespace ropewalk::ops {
namespace {

using testing::Tensors;

const std::vector<int64_t> kRows{3, 0, 5, 1, 0};

Tensors inputs(at::ScalarType type) {
  const at::ScalarType stored = type == at::kDouble ? type : at::kFloat;
  return {testing::random_tensor({9, 7}, type),
          testing::random_tensor({5, 4, 7}, stored),
          testing::random_tensor({5, 4}, stored)};
}

at::Tensor plain(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  Tensors parts;
  int64_t begin = 0;
  for (int64_t group = 0; group < 5; ++group) {
    const int64_t rows = kRows[static_cast<size_t>(group)];
    parts.push_back(reference::linear(
        x.narrow(0, begin, rows),
        {weight.select(0, group), bias.defined() ? bias.select(0, group) : at::Tensor()}));
    begin += rows;
  }
  return at::cat(parts);
}

class GroupedLinearTest : public ::testing::TestWithParam<std::tuple<at::ScalarType, bool>> {};

TEST_P(GroupedLinearTest, EqualsReference) {
  torch::manual_seed(8);
  const auto [type, with_bias] = GetParam();
  const auto bias = [b = with_bias](const Tensors& x) { return b ? x[2] : at::Tensor(); };
  const auto mine = [&](const Tensors& x) -> Tensors {
    return {grouped_linear(x[0], x[1], bias(x), kRows), x[2]};
  };
  testing::expect_same(
      mine,
      [&](const Tensors& x) -> Tensors {
        return {plain(x[0], x[1], bias(x)), x[2]};
      },
      inputs(type),
      testing::tolerance(type));
  if (type == at::kDouble) testing::expect_gradients_match_finite_differences(mine, inputs(type));
}

INSTANTIATE_TEST_SUITE_P(
    Types,
    GroupedLinearTest,
    ::testing::Combine(::testing::Values(at::kFloat, at::kDouble, at::kBFloat16),
                       ::testing::Bool()));

TEST(GroupedLinearTest, GroupsWithoutRowsGetZeroGradients) {
  const Tensors x = testing::leaves(inputs(at::kFloat));
  grouped_linear(x[0], x[1], x[2], kRows).sum().backward();
  for (const int64_t group : {1, 4}) {
    EXPECT_TRUE(x[1].grad().select(0, group).eq(0).all().item<bool>());
    EXPECT_TRUE(x[2].grad().select(0, group).eq(0).all().item<bool>());
  }
}

TEST(GroupedLinearTest, NoRowsAtAllGiveZeroGradients) {
  const Tensors x = testing::leaves(inputs(at::kFloat));
  const at::Tensor y = grouped_linear(x[0].narrow(0, 0, 0), x[1], x[2], {0, 0, 0, 0, 0});
  y.sum().backward();
  EXPECT_EQ(y.size(0), 0);
  EXPECT_TRUE(x[1].grad().eq(0).all().item<bool>());
}

TEST(GroupedLinearTest, RefusesRowsThatDoNotAddUp) {
  const Tensors x = inputs(at::kFloat);
  EXPECT_ANY_THROW(grouped_linear(x[0], x[1], x[2], {3, 0, 5, 0, 0}));
}

}  // namespace
}  // namespace ropewalk::ops
