#include "ropewalk/ops/linear_cross_entropy.h"

#include "ops/checks.h"
#include "ops/reference/reference.h"

namespace ropewalk::ops {
namespace {

using testing::Tensors;

at::Tensor some_targets(int64_t tokens, int64_t vocab) {
  at::Tensor targets = at::randint(vocab, {tokens}, at::kLong);
  targets.index_put_({torch::indexing::Slice(0, torch::indexing::None, 3)}, kIgnoredTarget);
  return targets.to(testing::test_device());
}

class LinearCrossEntropyTest
    : public testing::DeviceTest<std::tuple<at::ScalarType, int64_t, int64_t>> {};

TEST_P(LinearCrossEntropyTest, EqualsReference) {
  torch::manual_seed(3);
  const auto [type, vocab, chunk] = GetParam();
  const at::Tensor targets = some_targets(29, vocab);
  testing::expect_same(
      [&, chunk = chunk](const Tensors& x) -> Tensors {
        return {linear_cross_entropy(x[0], x[1], targets, chunk)};
      },
      [&](const Tensors& x) -> Tensors {
        return {reference::linear_cross_entropy(x[0], x[1], targets).to(at::kFloat)};
      },
      {testing::random_tensor({29, 12}, type),
       testing::random_tensor({vocab, 12}, type == at::kDouble ? at::kDouble : at::kFloat)},
      type == at::kBFloat16 ? 3e-2 : 1e-5);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes,
    LinearCrossEntropyTest,
    ::testing::Combine(::testing::Values(at::kFloat, at::kDouble, at::kBFloat16),
                       ::testing::Values(2, 17, 100, 1031),
                       ::testing::Values(0, 1, 8, 29, 64)));
INSTANTIATE_TEST_SUITE_P(
    OnGpu,
    LinearCrossEntropyTest,
    ::testing::Combine(::testing::Values(at::kFloat, at::kDouble, at::kBFloat16),
                       ::testing::Values(100),
                       ::testing::Values(8)));

TEST(LinearCrossEntropyTest, GradientMatchesFiniteDifferences) {
  // The sum is fp32, so the step is wide and the bound loose.
  torch::manual_seed(4);
  const at::Tensor targets = some_targets(11, 9), hidden = at::randn({11, 6}, at::kDouble);
  at::Tensor weight = at::randn({9, 6}, at::kDouble).set_requires_grad(true);
  linear_cross_entropy(hidden, weight, targets, 4).backward();
  const at::Tensor direction = at::randn({9, 6}, at::kDouble);
  const auto loss = [&](double h) {
    return linear_token_nll(hidden, weight.detach() + h * direction, targets, 4)
        .to(at::kDouble)
        .sum()
        .item<double>();
  };
  const double difference = (loss(1e-3) - loss(-1e-3)) / 2e-3;
  EXPECT_NEAR((weight.grad() * direction).sum().item<double>(),
              difference,
              2e-3 * (std::abs(difference) + 1));
}

TEST(LinearCrossEntropyTest, TokenLossesSumToTheLoss) {
  const at::Tensor targets = some_targets(29, 50), hidden = at::randn({29, 8}),
                   weight = at::randn({50, 8});
  const at::Tensor nll = linear_token_nll(hidden, weight, targets, 8);
  EXPECT_TRUE(nll.index({targets.eq(kIgnoredTarget)}).eq(0).all().item<bool>());
  testing::expect_close(nll.sum(), linear_cross_entropy(hidden, weight, targets, 8), 1e-6, "sum");
}

TEST(LinearCrossEntropyTest, ScaledLossScalesGradients) {
  const at::Tensor targets = some_targets(29, 50), x = at::randn({29, 8}), w = at::randn({50, 8});
  const auto grads = [&](double scale) {
    Tensors in = testing::leaves({x, w});
    (linear_cross_entropy(in[0], in[1], targets, 8) * scale).backward();
    return Tensors{in[0].grad(), in[1].grad()};
  };
  const Tensors once = grads(1.0), scaled = grads(0.25);
  EXPECT_TRUE(scaled[0].equal(once[0] * 0.25));
  EXPECT_TRUE(scaled[1].equal(once[1] * 0.25));
}

TEST(LinearCrossEntropyTest, LargeLogitsStayFinite) {
  const at::Tensor hidden = at::full({4, 3}, 300.0f), weight = at::randn({7, 3});
  EXPECT_TRUE(linear_token_nll(hidden, weight, at::arange(4), 0).isfinite().all().item<bool>());
}

TEST(LinearCrossEntropyTest, NothingCountedIsZero) {
  Tensors in = testing::leaves({at::randn({5, 3}), at::randn({7, 3})});
  const at::Tensor loss =
      linear_cross_entropy(in[0], in[1], at::full({5}, kIgnoredTarget, at::kLong));
  loss.backward();
  EXPECT_EQ(loss.item<float>(), 0.0f);
  EXPECT_EQ(in[1].grad().abs().sum().item<float>(), 0.0f);
}

TEST(LinearCrossEntropyTest, RefusesTargetOutsideTheVocabulary) {
  EXPECT_ANY_THROW(linear_cross_entropy(at::randn({2, 3}), at::randn({7, 3}), at::tensor({6, 7})));
}

}  // namespace
}  // namespace ropewalk::ops
