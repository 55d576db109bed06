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
        return {linear_cross_entropy(x[0], x[1], targets, {.chunk_tokens = chunk})};
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

struct LogitCase {
  double scale, softcap;
  bool bias;
};

class LogitOptionsTest : public ::testing::TestWithParam<std::tuple<at::ScalarType, LogitCase>> {};

TEST_P(LogitOptionsTest, EqualsReference) {
  torch::manual_seed(5);
  const auto [type, c] = GetParam();
  const at::ScalarType stored = type == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor targets = some_targets(29, 53);
  const auto options = [c = c](const Tensors& x, int64_t chunk) -> LogitOptions {
    return {c.bias ? x[2] : at::Tensor(), c.scale, c.softcap, chunk};
  };
  const Tensors inputs{testing::random_tensor({29, 12}, type),
                       testing::random_tensor({53, 12}, stored),
                       testing::random_tensor({53}, stored)};
  for (const int64_t chunk : {0, 8}) {
    testing::expect_same(
        [&](const Tensors& x) -> Tensors {
          return {linear_cross_entropy(x[0], x[1], targets, options(x, chunk)), x[2]};
        },
        [&](const Tensors& x) -> Tensors {
          return {
              reference::linear_cross_entropy(x[0], x[1], targets, options(x, 0)).to(at::kFloat),
              x[2]};
        },
        inputs,
        type == at::kBFloat16 ? 3e-2 : 1e-5);
  }
}

TEST_P(LogitOptionsTest, LogitsGiveTheSameLosses) {
  const auto [type, c] = GetParam();
  const at::ScalarType stored = type == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor targets = some_targets(29, 53);
  const at::Tensor hidden = testing::random_tensor({29, 12}, type),
                   weight = testing::random_tensor({53, 12}, stored);
  const LogitOptions options{
      c.bias ? testing::random_tensor({53}, stored) : at::Tensor(), c.scale, c.softcap, 8};
  const at::Tensor want =
      at::cross_entropy_loss(
          logits(hidden, weight, options), targets, {}, at::Reduction::None, kIgnoredTarget)
          .to(at::kFloat);
  testing::expect_close(linear_token_nll(hidden, weight, targets, options),
                        want,
                        type == at::kBFloat16 ? 3e-2 : 1e-5,
                        "losses");
}

INSTANTIATE_TEST_SUITE_P(
    Cases,
    LogitOptionsTest,
    ::testing::Combine(::testing::Values(at::kFloat, at::kDouble, at::kBFloat16),
                       ::testing::Values(LogitCase{1.0, 0.0, true},
                                         LogitCase{0.25, 0.0, false},
                                         LogitCase{0.3, 0.0, true},
                                         LogitCase{1.0, 5.0, false},
                                         LogitCase{0.6, 4.0, true})));

TEST(LogitOptionsTest, GradientsOfLogitsMatchFiniteDifferences) {
  testing::expect_gradients_match_finite_differences(
      [](const Tensors& x) -> Tensors {
        return {logits(x[0], x[1], {.bias_V = x[2], .scale = 0.6, .softcap = 4.0})};
      },
      {testing::random_tensor({2, 5, 6}, at::kDouble),
       testing::random_tensor({9, 6}, at::kDouble),
       testing::random_tensor({9}, at::kDouble)});
}

TEST(LinearCrossEntropyTest, GradientMatchesFiniteDifferences) {
  // The sum is fp32, so the step is wide and the bound loose.
  torch::manual_seed(4);
  const at::Tensor targets = some_targets(11, 9), hidden = at::randn({11, 6}, at::kDouble);
  at::Tensor weight = at::randn({9, 6}, at::kDouble).set_requires_grad(true);
  linear_cross_entropy(hidden, weight, targets, {.chunk_tokens = 4}).backward();
  const at::Tensor direction = at::randn({9, 6}, at::kDouble);
  const auto loss = [&](double h) {
    return linear_token_nll(hidden, weight.detach() + h * direction, targets, {.chunk_tokens = 4})
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
  const at::Tensor nll = linear_token_nll(hidden, weight, targets, {.chunk_tokens = 8});
  EXPECT_TRUE(nll.index({targets.eq(kIgnoredTarget)}).eq(0).all().item<bool>());
  testing::expect_close(
      nll.sum(), linear_cross_entropy(hidden, weight, targets, {.chunk_tokens = 8}), 1e-6, "sum");
}

TEST(LinearCrossEntropyTest, ScaledLossScalesGradients) {
  const at::Tensor targets = some_targets(29, 50), x = at::randn({29, 8}), w = at::randn({50, 8});
  const auto grads = [&](double scale) {
    Tensors in = testing::leaves({x, w});
    (linear_cross_entropy(in[0], in[1], targets, {.chunk_tokens = 8}) * scale).backward();
    return Tensors{in[0].grad(), in[1].grad()};
  };
  const Tensors once = grads(1.0), scaled = grads(0.25);
  EXPECT_TRUE(scaled[0].equal(once[0] * 0.25));
  EXPECT_TRUE(scaled[1].equal(once[1] * 0.25));
}

TEST(LinearCrossEntropyTest, LargeLogitsStayFinite) {
  const at::Tensor hidden = at::full({4, 3}, 300.0f), weight = at::randn({7, 3});
  EXPECT_TRUE(linear_token_nll(hidden, weight, at::arange(4)).isfinite().all().item<bool>());
}

TEST(LinearCrossEntropyTest, NothingCountedIsZero) {
  Tensors in = testing::leaves({at::randn({5, 3}), at::randn({7, 3})});
  const at::Tensor loss =
      linear_cross_entropy(in[0], in[1], at::full({5}, kIgnoredTarget, at::kLong));
  loss.backward();
  EXPECT_EQ(loss.item<float>(), 0.0f);
  EXPECT_EQ(in[1].grad().abs().sum().item<float>(), 0.0f);
}

TEST(LinearCrossEntropyTest, RefusesBiasOfAnotherVocabulary) {
  EXPECT_ANY_THROW(linear_token_nll(
      at::randn({2, 3}), at::randn({7, 3}), at::arange(2), {.bias_V = at::zeros({6})}));
}

TEST(LinearCrossEntropyTest, RefusesTargetOutsideTheVocabulary) {
  EXPECT_ANY_THROW(linear_cross_entropy(at::randn({2, 3}), at::randn({7, 3}), at::tensor({6, 7})));
}

}  // namespace
}  // namespace ropewalk::ops
