#include "ropewalk/ops/experts.h"

#include "ops/checks.h"
#include "ops/reference/reference.h"
#include "ops/with_threads.h"

namespace ropewalk::ops {
namespace {

using testing::Tensors;
constexpr int64_t kTokens = 13, kDim = 10, kInner = 7, kExperts = 6, kChoices = 2;

struct ExpertsCase {
  at::ScalarType type;
  bool bias;
  ExpertOptions options;
};

class ExpertsTest : public ::testing::TestWithParam<ExpertsCase> {
 protected:
  // x, shares, gate_up, down, gate_up bias, down bias.
  static Tensors inputs(const ExpertsCase& c) {
    const at::ScalarType stored = c.type == at::kDouble ? c.type : at::kFloat;
    const int64_t rows = c.options.gated ? 2 * kInner : kInner;
    return {testing::random_tensor({kTokens, kDim}, c.type),
            at::rand({kTokens, kChoices}, stored),
            testing::random_tensor({kExperts, rows, kDim}, stored) * 0.5,
            testing::random_tensor({kExperts, kDim, kInner}, stored) * 0.5,
            testing::random_tensor({kExperts, rows}, stored),
            testing::random_tensor({kExperts, kDim}, stored)};
  }
  // Expert 3 gets no tokens.
  static at::Tensor chosen() {
    const at::Tensor order =
        at::rand({kTokens, kExperts}).index_fill(1, at::full({1}, 3, at::kLong), 2.0);
    return order.argsort(int64_t{1}).slice(1, 0, kChoices).contiguous();
  }
  static ExpertWeights weights(const Tensors& x, bool bias) {
    return {x[2], bias ? x[4] : at::Tensor(), x[3], bias ? x[5] : at::Tensor()};
  }
};

TEST_P(ExpertsTest, EqualsAllExpertsForAllTokens) {
  torch::manual_seed(9);
  const ExpertsCase c = GetParam();
  const at::Tensor experts_NK = chosen();
  const auto run = [&](auto op) {
    return [&, op](const Tensors& x) -> Tensors {
      return {op(x[0], Routing{experts_NK, x[1]}, weights(x, c.bias), c.options)};
    };
  };
  testing::expect_same(
      run(experts), run(reference::experts), inputs(c), testing::tolerance(c.type));
  if (c.type == at::kDouble) {
    testing::expect_gradients_match_finite_differences(
        [&](const Tensors& x) -> Tensors {
          return {run(experts)(x)[0], x[4], x[5]};
        },
        inputs(c));
  }
}

std::vector<ExpertsCase> experts_cases() {
  std::vector<ExpertsCase> out;
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    for (const bool bias : {false, true}) {
      for (const bool before : {false, true}) {
        out.push_back({type, bias, {.weight_before = before}});
        out.push_back({type, bias, {.activation = Activation::kGelu, .weight_before = before}});
        out.push_back({type, bias, {Activation::kRelu2, false, 0.0, before}});
        out.push_back({type, bias, {.clamp_limit = 1.5, .weight_before = before}});
      }
    }
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Cases, ExpertsTest, ::testing::ValuesIn(experts_cases()));

TEST_F(ExpertsTest, EveryWeightHasAGradientWithOneToken) {
  Tensors x = testing::leaves(inputs({at::kFloat, true, {}}));
  experts(x[0].slice(0, 0, 1),
          {at::tensor({int64_t{4}, int64_t{1}}).view({1, 2}), x[1].slice(0, 0, 1)},
          weights(x, true),
          {})
      .sum()
      .backward();
  for (const int i : {2, 3, 4, 5}) {
    ASSERT_TRUE(x[i].grad().defined());
    EXPECT_EQ(x[i].grad().sizes(), x[i].sizes());
    for (const int64_t unused : {0, 2, 3, 5}) {
      EXPECT_TRUE(x[i].grad().select(0, unused).eq(0).all().item<bool>());
    }
    EXPECT_TRUE(x[i].grad().select(0, 4).ne(0).any().item<bool>());
  }
}

TEST_F(ExpertsTest, DoesNotDependOnThreadsOrRepeats) {
  const at::Tensor experts_NK = chosen();
  const Tensors in = inputs({at::kFloat, true, {}});
  const auto compute = [&] {
    Tensors x = testing::leaves(in);
    const at::Tensor y = experts(x[0], {experts_NK, x[1]}, weights(x, true), {});
    y.square().sum().backward();
    return Tensors{y.detach(), x[0].grad()};
  };
  const auto run = [&](int threads) { return with_threads(threads, compute); };
  const Tensors a = run(1), b = run(1), c = run(2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(a[i].equal(b[i]));
    testing::expect_close(c[i], a[i], 1e-6, "threads");
  }
}

TEST_F(ExpertsTest, RefusesAnExpertThatDoesNotExist) {
  const Tensors x = inputs({at::kFloat, false, {}});
  EXPECT_ANY_THROW(
      experts(x[0], {at::full({kTokens, 2}, kExperts, at::kLong), x[1]}, weights(x, false), {}));
}

}  // namespace
}  // namespace ropewalk::ops
