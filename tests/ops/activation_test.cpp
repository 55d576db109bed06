#include "ropewalk/ops/activation.h"

#include "ops/checks.h"
#include "ops/reference/reference.h"
#include "ropewalk/ops/linear.h"

namespace ropewalk::ops {
namespace {

using testing::Tensors;

at::ScalarType stored(at::ScalarType type) { return type == at::kDouble ? type : at::kFloat; }

void compare(const testing::Op& op,
             const testing::Op& reference,
             const Tensors& inputs,
             at::ScalarType type) {
  testing::expect_same(op, reference, inputs, testing::tolerance(type));
  if (type == at::kDouble) testing::expect_gradients_match_finite_differences(op, inputs);
}

class ActivationTest : public ::testing::TestWithParam<std::tuple<at::ScalarType, Activation>> {
 protected:
  void SetUp() override { torch::manual_seed(7); }
};

TEST_P(ActivationTest, EqualsReference) {
  const auto [type, activation] = GetParam();
  const auto run = [a = activation](auto op) {
    return [=](const Tensors& x) -> Tensors { return {op(x[0], a)}; };
  };
  const Tensors inputs{testing::random_tensor({3, 5, 38}, type) * 2};
  compare(run(activate), run(reference::activate), inputs, type);
  compare(run(gated), run(reference::gated), inputs, type);
}

TEST_P(ActivationTest, AheadOfAProductEqualsReference) {
  const auto [type, activation] = GetParam();
  const Tensors inputs{testing::random_tensor({2, 5, 26}, type),
                       testing::random_tensor({2, 5, 8}, type),
                       testing::random_tensor({8, 13}, stored(type)),
                       testing::random_tensor({8, 26}, stored(type)),
                       testing::random_tensor({8}, stored(type))};
  const auto mine = [a = activation](const Tensors& x) -> Tensors {
    return {gated_linear_add(x[1], x[0], a, {x[2], x[4]}),
            gated_linear_add({}, x[0], a, {x[2], {}}),
            activated_linear_add(x[1], x[0], a, {x[3], {}}),
            activated_linear_add({}, x[0], a, {x[3], x[4]})};
  };
  const auto plain = [a = activation](const Tensors& x) -> Tensors {
    const at::Tensor gate = reference::gated(x[0], a), y = reference::activate(x[0], a);
    return {x[1] + reference::linear(gate, {x[2], x[4]}),
            reference::linear(gate, {x[2], {}}),
            x[1] + reference::linear(y, {x[3], {}}),
            reference::linear(y, {x[3], x[4]})};
  };
  compare(mine, plain, inputs, type);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds,
    ActivationTest,
    ::testing::Combine(::testing::Values(at::kFloat, at::kDouble, at::kBFloat16),
                       ::testing::Values(Activation::kSilu,
                                         Activation::kGelu,
                                         Activation::kGeluTanh,
                                         Activation::kRelu,
                                         Activation::kRelu2)));

// transformers' defaults for what is not learned.
XieluParameters with_constants(const at::Tensor& alpha_p, const at::Tensor& alpha_n) {
  return {alpha_p, alpha_n, at::tensor({0.5f}), at::tensor({-1e-6f})};
}

class GatesTest : public ::testing::TestWithParam<at::ScalarType> {};

TEST_P(GatesTest, XieluEqualsReference) {
  const at::ScalarType type = GetParam();
  const auto run = [](auto op) {
    return [=](const Tensors& x) -> Tensors { return {op(x[0], with_constants(x[1], x[2]))}; };
  };
  compare(run(xielu),
          run(reference::xielu),
          {testing::random_tensor({3, 5, 17}, type) * 2,
           at::full({1}, 0.2, stored(type)),
           at::full({1}, -1.05, stored(type))},
          type);
}

TEST_P(GatesTest, ClampedSwigluEqualsReference) {
  const at::ScalarType type = GetParam();
  const auto run = [](auto op) {
    return [=](const Tensors& x) -> Tensors { return {op(x[0], 1.702, 1.3)}; };
  };
  compare(run(clamped_swiglu),
          run(reference::clamped_swiglu),
          {testing::random_tensor({3, 5, 34}, type) * 2},
          type);
}

INSTANTIATE_TEST_SUITE_P(Types,
                         GatesTest,
                         ::testing::Values(at::kFloat, at::kDouble, at::kBFloat16));

TEST(GatesTest, XieluEqualsTransformers) {
  // Printed by XIELUActivation with its defaults; loss = sum of y times `up`.
  const Tensors in = testing::leaves({at::tensor({-3.0f, -0.5f, -1e-7f, 0.0f, 0.25f, 2.0f}),
                                      at::tensor({0.203382373f}),
                                      at::tensor({-1.05022562f})});
  const at::Tensor up = at::tensor({1.0f, 2.0f, -1.0f, 0.5f, 1.0f, -2.0f});
  const at::Tensor y = xielu(in[0], with_constants(in[1], in[2]));
  (y * up).sum().backward();
  testing::expect_close(
      y,
      at::tensor({0.139829636f, -0.164775461f, -7.69999588e-07f, -7.99999668e-07f, 0.175f, 4.2f}),
      1e-7,
      "y");
  testing::expect_close(in[0].grad(),
                        at::tensor({-0.26017037f, 0.370449066f, 0.3f, -0.15f, 0.9f, -7.4f}),
                        1e-7,
                        "gradient of x");
  testing::expect_close(in[1].grad(), at::tensor({-4.37095118f}), 1e-7, "gradient of alpha_p");
  testing::expect_close(in[2].grad(), at::tensor({0.58648926f}), 1e-7, "gradient of alpha_n");
}

TEST(GatesTest, FrozenWeightsGetNoGradient) {
  at::Tensor x = at::randn({3, 8}).set_requires_grad(true);
  const at::Tensor frozen = at::randn({6, 4});
  gated_linear_add({}, x, Activation::kGelu, {frozen, {}}).sum().backward();
  EXPECT_TRUE(x.grad().defined());
  EXPECT_FALSE(frozen.grad().defined());
}

TEST(GatesTest, RefusesOddWidth) {
  EXPECT_ANY_THROW(gated(at::randn({3, 7}), Activation::kGelu));
  EXPECT_ANY_THROW(clamped_swiglu(at::randn({3, 8}), 1.702, 0.0));
}

}  // namespace
}  // namespace ropewalk::ops
