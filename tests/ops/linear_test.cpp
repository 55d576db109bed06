#include "ropewalk/ops/linear.h"

#include "ops/checks.h"
#include "ops/reference/reference.h"

namespace ropewalk::ops {
namespace {

using testing::Tensors;
constexpr double kEps = 1e-6;

// Inputs: x [2, 5, 2 in], residual [2, 5, out], weight [out, in], bias [out], norm weight [in].
class LinearTest : public testing::DeviceTest<std::tuple<at::ScalarType, bool>> {
 protected:
  static constexpr int64_t kIn = 13, kOut = 18;
  void prepare() override {
    torch::manual_seed(2);
    const at::ScalarType type = std::get<0>(GetParam());
    const at::ScalarType stored = type == at::kDouble ? at::kDouble : at::kFloat;
    inputs_ = {testing::random_tensor({2, 5, 2 * kIn}, type),
               testing::random_tensor({2, 5, kOut}, type),
               testing::random_tensor({kOut, kIn}, stored),
               testing::random_tensor({kOut}, stored),
               testing::random_tensor({kIn}, stored)};
  }
  static LinearWeights weights(const Tensors& x) {
    return {x[2], std::get<1>(GetParam()) ? x[3] : at::Tensor()};
  }
  static at::Tensor half(const Tensors& x) { return x[0].slice(-1, 0, kIn); }
  void compare(const testing::Op& op, const testing::Op& reference) {
    const at::ScalarType type = std::get<0>(GetParam());
    testing::expect_same(op, reference, inputs_, testing::tolerance(type));
    if (type == at::kDouble) testing::expect_gradients_match_finite_differences(op, inputs_);
  }
  Tensors inputs_;
};

TEST_P(LinearTest, EqualsReference) {
  compare(
      [](const Tensors& x) -> Tensors {
        return {linear(half(x), weights(x)), x[0], x[1], x[3], x[4]};
      },
      [](const Tensors& x) -> Tensors {
        return {reference::linear(half(x), weights(x)), x[0], x[1], x[3], x[4]};
      });
}

TEST_P(LinearTest, AddedResidualEqualsReference) {
  compare(
      [](const Tensors& x) -> Tensors {
        return {linear_add(x[1], half(x), weights(x)), x[3], x[4]};
      },
      [](const Tensors& x) -> Tensors {
        return {x[1] + reference::linear(half(x), weights(x)), x[3], x[4]};
      });
}

TEST_P(LinearTest, NormAheadEqualsReference) {
  const auto fused = [](const Tensors& x) -> Tensors {
    const auto [y, residual] = norm_linear(half(x), x[4], kEps, weights(x));
    return {y, residual * 2, x[1], x[3]};
  };
  const auto plain = [](const Tensors& x) -> Tensors {
    return {reference::linear(reference::rms_norm(half(x), x[4], kEps), weights(x)),
            half(x) * 2,
            x[1],
            x[3]};
  };
  compare(fused, plain);
}

TEST_P(LinearTest, SwigluAheadEqualsReference) {
  compare(
      [](const Tensors& x) -> Tensors {
        return {swiglu_linear_add(x[1], x[0], weights(x)), x[3], x[4]};
      },
      [](const Tensors& x) -> Tensors {
        return {x[1] + reference::linear(reference::swiglu(x[0]), weights(x)), x[3], x[4]};
      });
}

INSTANTIATE_TEST_SUITE_P(
    Types,
    LinearTest,
    ::testing::Combine(::testing::Values(at::kFloat, at::kDouble, at::kBFloat16),
                       ::testing::Bool()));
INSTANTIATE_TEST_SUITE_P(
    OnGpu,
    LinearTest,
    ::testing::Combine(::testing::Values(at::kFloat, at::kDouble, at::kBFloat16),
                       ::testing::Values(true)));

TEST(LinearTest, FrozenWeightsGetNoGradient) {
  at::Tensor x = at::randn({3, 4}).set_requires_grad(true);
  const at::Tensor frozen = at::randn({6, 4}), norm = at::ones({4}).set_requires_grad(true);
  std::get<0>(norm_linear(x, norm, kEps, {frozen, {}})).sum().backward();
  EXPECT_TRUE(x.grad().defined());
  EXPECT_TRUE(norm.grad().defined());
  EXPECT_FALSE(frozen.grad().defined());
}

TEST(LinearTest, OnlyTheResidualPathUsed) {
  at::Tensor x = at::randn({3, 4}).set_requires_grad(true);
  std::get<1>(norm_linear(x, at::ones({4}), kEps, {at::randn({6, 4}), {}})).sum().backward();
  EXPECT_TRUE(x.grad().equal(at::ones({3, 4})));
}

TEST(LinearTest, RefusesWrongWidth) {
  EXPECT_ANY_THROW(linear(at::randn({3, 4}), {at::randn({6, 5}), {}}));
}

}  // namespace
}  // namespace ropewalk::ops
