// Values and gradients of transformers' routers, printed by its own modules for kLogits, and
// properties.
#include "ropewalk/ops/routers.h"

#include "ops/checks.h"
#include "ops/reference/reference.h"

namespace ropewalk::ops {
namespace {

using testing::Tensors;

at::Tensor table(std::vector<float> values, int64_t rows) {
  return at::tensor(values).view({rows, -1});
}

at::Tensor some_logits() {
  return table({-1.689f, -1.729f, -0.376f, -0.651f, 1.273f, 1.038f,  -0.474f, -3.173f,
                0.702f,  -0.237f, 2.165f,  0.399f,  0.25f,  1.312f,  -0.215f, -0.167f,
                1.398f,  1.889f,  3.007f,  0.081f,  0.927f, -0.619f, -1.262f, -3.474f},
               3);
}
at::Tensor some_bias() {
  return at::tensor({0.111f, 0.437f, 0.282f, 0.232f, 0.058f, 0.379f, -0.387f, -0.237f});
}
// Gradients of the weights, the choices in ascending order.
at::Tensor some_grads() {
  return table({1.0f,
                -2.0f,
                0.5f,
                3.0f,
                1.5f,
                0.5f,
                1.0f,
                -1.0f,
                2.0f,
                -0.5f,
                2.0f,
                0.25f,
                1.0f,
                -1.0f,
                0.75f},
               3);
}

struct Expected {
  at::Tensor experts, weights, grad;
};

// `sorted`: the router's order of choices does not matter.
void expect_routing(const std::function<Routing(const at::Tensor&)>& router,
                    const Expected& want,
                    bool sorted) {
  const at::Tensor logits = some_logits().set_requires_grad(true);
  const Routing got = router(logits);
  at::Tensor chosen = got.experts_NK, weights = got.weights_NK;
  EXPECT_EQ(chosen.scalar_type(), at::kLong);
  EXPECT_FALSE(chosen.requires_grad());
  if (sorted) {
    at::Tensor order;
    std::tie(chosen, order) = chosen.sort(1);
    weights = weights.gather(1, order);
  }
  EXPECT_TRUE(chosen.equal(want.experts.to(at::kLong))) << chosen;
  testing::expect_close(weights, want.weights, 1e-6, "weights");
  (weights * some_grads().slice(1, 0, weights.size(1))).sum().backward();
  testing::expect_close(logits.grad(), want.grad, 1e-6, "gradient");
}

TEST(RoutersTest, SigmoidGroupsEqualDeepseekV3) {
  const Expected want{table({2, 4, 5, 2, 3, 5, 0, 1, 2}, 3),
                      table({0.528193831f,
                             1.01366401f,
                             0.958142281f,
                             0.982174635f,
                             0.655227542f,
                             0.862597883f,
                             0.764148772f,
                             0.827783048f,
                             0.90806812f},
                            3),
                      table({0,
                             0,
                             0.440951765f,
                             0,
                             -0.352993488f,
                             0.227540955f,
                             0,
                             0,
                             0,
                             0,
                             0.0390776172f,
                             0.233249024f,
                             0,
                             -0.203770533f,
                             0,
                             0,
                             0.142724499f,
                             -0.0877855197f,
                             -0.00245232577f,
                             0,
                             0,
                             0,
                             0,
                             0},
                            3)};
  expect_routing(
      [](const at::Tensor& x) {
        return sigmoid_group_top_k(x, {3, 4, 2, true, 2.5, some_bias()});
      },
      want,
      /*sorted=*/true);
}

TEST(RoutersTest, SoftmaxGroupsEqualDeepseekV2) {
  const Expected grouped{
      table({2, 4, 5, 2, 3, 5, 0, 1, 2}, 3),
      table({0.198904663f,
             1.03465724f,
             0.817969918f,
             1.10804725f,
             0.189493448f,
             0.472177297f,
             0.286213577f,
             0.46765849f,
             1.43044126f},
            3),
      table({0.0312789939f,  0.0300525296f,  0.315178365f,   0.0883182436f,  -1.46448505f,
             0.887145519f,   0.105419405f,   0.00709185237f, -0.0278457496f, -0.0108882077f,
             0.433760703f,   0.168926597f,   -0.0177197568f, -0.523425519f,  -0.0111304037f,
             -0.0116776908f, 0.329742879f,   -0.279619157f,  0.217551276f,   -0.0650243163f,
             -0.15152663f,   -0.0322901197f, -0.0169753321f, -0.00185848447f},
            3)};
  expect_routing(
      [](const at::Tensor& x) {
        return softmax_group_top_k(x, {3, 4, 2, false, 2.5, {}});
      },
      grouped,
      /*sorted=*/true);
  const Expected greedy{
      table({2, 4, 5, 0, 2, 5, 0, 1, 2}, 3),
      table({0.198904663f,
             1.03465724f,
             0.817969918f,
             0.256557941f,
             1.10804725f,
             0.472177297f,
             0.286213577f,
             0.46765849f,
             1.43044126f},
            3),
      table({0.0312789939f, 0.0300525296f,  0.315178365f,   0.0883182436f,  -1.46448505f,
             0.887145519f,  0.105419405f,   0.00709185237f, 0.0498595797f,  -0.0306634437f,
             0.769361973f,  -0.0579204895f, -0.0499025024f, -0.616502821f,  -0.0313455202f,
             -0.032886792f, 0.329742879f,   -0.279619157f,  0.217551276f,   -0.0650243163f,
             -0.15152663f,  -0.0322901197f, -0.0169753321f, -0.00185848447f},
            3)};
  expect_routing([](const at::Tensor& x) { return softmax_group_top_k(x, {.k = 3, .scale = 2.5}); },
                 greedy,
                 /*sorted=*/true);
}

TEST(RoutersTest, SparseMixerEqualsPhimoe) {
  const Expected want{table({4, 5, 2, 5, 2, 1}, 3),
                      table({0.558481097f, 1, 0.701196074f, 1, 0.753617525f, 0.620341957f}, 3),
                      table({0,
                             0,
                             0,
                             0,
                             0.24657996f,
                             -0.246579945f,
                             0,
                             0,
                             0,
                             0,
                             0.104760073f,
                             0,
                             0,
                             -0.104760081f,
                             0,
                             0,
                             -0.0588794425f,
                             -0.312476814f,
                             0.371356308f,
                             0,
                             0,
                             0,
                             0,
                             0},
                            3)};
  expect_routing([](const at::Tensor& x) { return sparse_mixer(x, 0.2); }, want, /*sorted=*/false);
}

TEST(RoutersTest, TopKSoftmaxIsTheRenormalisedSoftmax) {
  const Tensors x = testing::leaves({at::randn({9, 7}), at::randn({9, 7})});
  x[1].detach().copy_(x[0].detach());
  const Routing a = top_k_softmax(x[0], 3), b = softmax_top_k(x[1], 3, true);
  EXPECT_TRUE(a.experts_NK.equal(b.experts_NK));
  testing::expect_close(a.weights_NK, b.weights_NK, 1e-6, "weights");
  const at::Tensor up = at::randn({9, 3});
  (a.weights_NK * up).sum().backward();
  (b.weights_NK * up).sum().backward();
  testing::expect_close(x[0].grad(), x[1].grad(), 1e-6, "gradient");
}

TEST(RoutersTest, SoftmaxTopKIsOfAllExperts) {
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    const at::Tensor logits = testing::random_tensor({9, 7}, type);
    const Routing got = softmax_top_k(logits, 2, false);
    const at::ScalarType wide = type == at::kDouble ? type : at::kFloat;
    testing::expect_close(
        got.weights_NK, logits.to(wide).softmax(1).gather(1, got.experts_NK), 1e-6, "weights");
  }
}

TEST(RoutersTest, GradientsMatchFiniteDifferences) {
  const GroupTopK groups{3, 4, 2, true, 2.5, some_bias()};
  testing::expect_gradients_match_finite_differences(
      [&](const Tensors& x) -> Tensors {
        return {softmax_top_k(x[0], 3, true).weights_NK,
                softmax_top_k(x[0], 3, false).weights_NK,
                top_k_softmax(x[0], 2).weights_NK,
                sigmoid_group_top_k(x[0], groups).weights_NK,
                softmax_group_top_k(x[0], groups).weights_NK,
                sparse_mixer(x[0], 0.2).weights_NK};
      },
      {some_logits().to(at::kDouble)});
}

TEST(RoutersTest, RefusesGroupsThatDoNotFit) {
  EXPECT_ANY_THROW(sigmoid_group_top_k(some_logits(), {.num_groups = 3}));
  EXPECT_ANY_THROW(softmax_group_top_k(some_logits(), {.num_groups = 2, .num_chosen_groups = 3}));
  EXPECT_ANY_THROW(softmax_top_k(some_logits(), 9, false));
}

TEST(BalanceTest, LayersTogetherEqualTransformers) {
  // The second layer: the first one halved and reversed both ways, without its last row.
  const Tensors x = testing::leaves({some_logits(), some_logits().flip({0, 1}).slice(0, 0, 2) / 2});
  const at::Tensor loss =
      load_balancing_loss({balance_statistics(x[0], 2), balance_statistics(x[1], 2)});
  EXPECT_NEAR(loss.item<float>(), 3.197716f, 1e-6f);
  loss.backward();
  testing::expect_close(
      x[0].grad(),
      table({-0.0140678091f, -0.00693576923f, 0.024085002f,    -0.0397213586f,  -0.139587522f,
             0.203746602f,   -0.0243295543f,  -0.00318957889f, -0.0732842088f,  -0.0158146676f,
             0.108983234f,   -0.0541276447f,  -0.0257372111f,  0.10688021f,     -0.0161664486f,
             -0.0307332464f, -0.0748831481f,  -0.0624949932f,  0.175037652f,    -0.0200640373f,
             -0.0238810815f, 0.00953441206f,  -0.00267536659f, -0.000573457801f},
            3),
      1e-6,
      "first layer");
  testing::expect_close(x[1].grad(),
                        table({-0.00792397652f,
                               -0.0110042375f,
                               0.0205275044f,
                               -0.0715497583f,
                               -0.0215371735f,
                               0.235222027f,
                               -0.0531852171f,
                               -0.090549171f,
                               -0.0469830856f,
                               -0.02057047f,
                               0.0644299239f,
                               -0.0578751229f,
                               -0.0279622804f,
                               0.181857362f,
                               -0.0203454345f,
                               -0.0725508481f},
                              2),
                        1e-6,
                        "second layer");
}

TEST(BalanceTest, EqualsReference) {
  testing::expect_same(
      [](const Tensors& x) -> Tensors {
        return {load_balancing_loss({balance_statistics(x[0], 3), balance_statistics(x[1], 3)})};
      },
      [](const Tensors& x) -> Tensors {
        return {reference::load_balancing_loss({x[0], x[1]}, 3)};
      },
      {testing::random_tensor({11, 9}), testing::random_tensor({11, 9})},
      1e-6);
}

}  // namespace
}  // namespace ropewalk::ops
