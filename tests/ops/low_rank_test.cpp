#include "ropewalk/ops/low_rank.h"

#include "ops/checks.h"
#include "ops/reference/reference.h"
#include "ropewalk/ops/linear.h"

namespace ropewalk::ops {
namespace {

using testing::Tensors;

// Inputs: x [2, 5, 2 in], residual [2, 5, out], weight [out, in], A [2 rank, in], B [11, rank],
// norm weight [in]. Two parts with a gap before, between and behind them.
class LowRankTest : public testing::DeviceTest<at::ScalarType> {
 protected:
  static constexpr int64_t kIn = 13, kOut = 18, kRank = 3;
  static constexpr double kScale = 0.7, kUpdateEps = 1e-6;

  void prepare() override {
    torch::manual_seed(3);
    const at::ScalarType type = GetParam();
    const at::ScalarType stored = type == at::kDouble ? at::kDouble : at::kFloat;
    inputs_ = {testing::random_tensor({2, 5, 2 * kIn}, type),
               testing::random_tensor({2, 5, kOut}, type),
               testing::random_tensor({kOut, kIn}, stored),
               testing::random_tensor({2 * kRank, kIn}, stored),
               testing::random_tensor({11, kRank}, stored),
               testing::random_tensor({kIn}, stored)};
  }
  static LinearWeights updated(const Tensors& x) {
    LinearWeights weights{x[2], {}};
    weights.update =
        std::make_shared<const LowRank>(LowRank{x[3], x[4], {{1, 7}, {9, 14}}, kScale});
    return weights;
  }
  // W + scale B A, row by row.
  static LinearWeights whole(const Tensors& x) {
    const at::Tensor first = at::mm(x[4].slice(0, 0, 6), x[3].slice(0, 0, kRank));
    const at::Tensor second = at::mm(x[4].slice(0, 6, 11), x[3].slice(0, kRank, 2 * kRank));
    const auto gap = [&](int64_t rows) { return at::zeros({rows, kIn}, x[2].options()); };
    return {x[2] + kScale * at::cat({gap(1), first, gap(2), second, gap(4)}), {}};
  }
  static at::Tensor half(const Tensors& x) { return x[0].slice(-1, 0, kIn); }
  static at::Tensor unused(const Tensors& x) { return x[0].sum() + x[1].sum() + x[5].sum(); }

  void compare(const std::function<at::Tensor(const Tensors&, const LinearWeights&)>& op,
               const std::function<at::Tensor(const Tensors&, const LinearWeights&)>& reference) {
    const testing::Op ours = [&](const Tensors& x) -> Tensors {
      return {op(x, updated(x)), unused(x)};
    };
    const testing::Op theirs = [&](const Tensors& x) -> Tensors {
      return {reference(x, whole(x)), unused(x)};
    };
    testing::expect_same(ours, theirs, inputs_, testing::tolerance(GetParam()));
    if (GetParam() == at::kDouble)
      testing::expect_gradients_match_finite_differences(ours, inputs_);
  }
  Tensors inputs_;
};

TEST_P(LowRankTest, ActsAsAnotherWeight) {
  const auto reference = [](const Tensors& x, const LinearWeights& w) {
    return reference::linear(half(x), w);
  };
  compare([](const Tensors& x, const LinearWeights& w) { return linear(half(x), w); }, reference);
}

TEST_P(LowRankTest, ActsAsAnotherWeightBesideAResidual) {
  compare([](const Tensors& x, const LinearWeights& w) { return linear_add(x[1], half(x), w); },
          [](const Tensors& x, const LinearWeights& w) {
            return x[1] + reference::linear(half(x), w);
          });
}

TEST_P(LowRankTest, ActsAsAnotherWeightBehindANorm) {
  const auto both = [](const std::tuple<at::Tensor, at::Tensor>& outputs) {
    return at::cat({std::get<0>(outputs), std::get<1>(outputs)}, -1);
  };
  compare([&](const Tensors& x,
              const LinearWeights& w) { return both(norm_linear(half(x), x[5], kUpdateEps, w)); },
          [&](const Tensors& x, const LinearWeights& w) {
            return both(
                {reference::linear(reference::rms_norm(half(x), x[5], kUpdateEps), w), half(x)});
          });
}

TEST_P(LowRankTest, ActsAsAnotherWeightBehindAGate) {
  compare([](const Tensors& x, const LinearWeights& w) { return swiglu_linear_add(x[1], x[0], w); },
          [](const Tensors& x, const LinearWeights& w) {
            return x[1] + reference::linear(reference::swiglu(x[0]), w);
          });
  compare([](const Tensors& x,
             const LinearWeights& w) { return gated_linear_add({}, x[0], Activation::kSilu, w); },
          [](const Tensors& x, const LinearWeights& w) {
            return reference::linear(reference::swiglu(x[0]), w);
          });
}

TEST_P(LowRankTest, ActsAsAnotherWeightBehindAnActivation) {
  compare(
      [](const Tensors& x, const LinearWeights& w) {
        return activated_linear_add(x[1], half(x), Activation::kGelu, w);
      },
      [](const Tensors& x, const LinearWeights& w) {
        return x[1] + reference::linear(at::gelu(half(x)), w);
      });
}

INSTANTIATE_TEST_SUITE_P(Types,
                         LowRankTest,
                         ::testing::Values(at::kFloat, at::kDouble, at::kBFloat16));

TEST(LowRankTest, FrozenWeightsGetNoGradientAndRefusedWidthsNone) {
  const at::Tensor x = at::randn({3, 4});
  const at::Tensor a = at::randn({2, 4}).set_requires_grad(true);
  const at::Tensor b = at::randn({6, 2}).set_requires_grad(true);
  LinearWeights weights{at::randn({6, 4}), {}};
  weights.update = std::make_shared<const LowRank>(LowRank{a, b, {{0, 6}}, 1.0});
  linear(x, weights).sum().backward();
  EXPECT_TRUE(a.grad().defined() && b.grad().defined());
  EXPECT_FALSE(weights.weight.grad().defined());
  EXPECT_ANY_THROW(add_low_rank(at::zeros({3, 6}), at::randn({3, 5}), *weights.update));
}

}  // namespace
}  // namespace ropewalk::ops
