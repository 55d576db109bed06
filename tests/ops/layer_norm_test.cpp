#include "ropewalk/ops/layer_norm.h"

#include "ops/checks.h"
#include "ops/reference/reference.h"

namespace ropewalk::ops {
namespace {

using testing::Tensors;
constexpr double kLayerEps = 1e-5;

at::ScalarType stored_norm(at::ScalarType type) { return type == at::kDouble ? type : at::kFloat; }

class LayerNormTest
    : public ::testing::TestWithParam<std::tuple<at::ScalarType, int64_t, bool, bool>> {};

TEST_P(LayerNormTest, EqualsReference) {
  torch::manual_seed(6);
  const auto [type, dim, with_weight, with_bias] = GetParam();
  const auto pick = [](bool wanted, const at::Tensor& x) { return wanted ? x : at::Tensor(); };
  const auto run = [&, w = with_weight, b = with_bias](auto op) {
    return [=](const Tensors& x) -> Tensors {
      return {op(x[0] + 3, pick(w, x[1]), pick(b, x[2]), kLayerEps), x[1], x[2]};
    };
  };
  testing::expect_same(run(layer_norm),
                       run(reference::layer_norm),
                       {testing::random_tensor({2, 7, dim}, type),
                        testing::random_tensor({dim}, stored_norm(type)),
                        testing::random_tensor({dim}, stored_norm(type))},
                       testing::tolerance(type));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes,
    LayerNormTest,
    ::testing::Combine(::testing::Values(at::kFloat, at::kDouble, at::kBFloat16),
                       ::testing::Values(3, 5, 16, 67, 256),
                       ::testing::Bool(),
                       ::testing::Bool()));

TEST(LayerNormTest, GradientsMatchFiniteDifferences) {
  testing::expect_gradients_match_finite_differences(
      [](const Tensors& x) -> Tensors { return {layer_norm(x[0], x[1], x[2], kLayerEps)}; },
      {testing::random_tensor({5, 19}, at::kDouble),
       testing::random_tensor({19}, at::kDouble),
       testing::random_tensor({19}, at::kDouble)});
}

TEST(LayerNormTest, RefusesWrongWeight) {
  EXPECT_ANY_THROW(layer_norm(at::randn({3, 4}), at::randn({5}), {}, kLayerEps));
}

class HeadNormTest : public ::testing::TestWithParam<std::tuple<at::ScalarType, bool, bool, bool>> {
};

TEST_P(HeadNormTest, EqualsReference) {
  const auto [type, centred, per_head, with_bias] = GetParam();
  const std::vector<int64_t> shape =
      per_head ? std::vector<int64_t>{3, 10} : std::vector<int64_t>{10};
  const auto run = [c = centred, b = with_bias](auto op) {
    return [=](const Tensors& x) -> Tensors {
      return {op(x[0], HeadNorm{x[1], b ? x[2] : at::Tensor(), kLayerEps, c}), x[2]};
    };
  };
  testing::expect_same(run(head_norm),
                       run(reference::head_norm),
                       {testing::random_tensor({2, 5, 3, 10}, type),
                        testing::random_tensor(shape, stored_norm(type)),
                        testing::random_tensor(shape, stored_norm(type))},
                       testing::tolerance(type));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds,
    HeadNormTest,
    ::testing::Combine(::testing::Values(at::kFloat, at::kDouble, at::kBFloat16),
                       ::testing::Bool(),
                       ::testing::Bool(),
                       ::testing::Bool()));

TEST(HeadNormTest, WorksWithoutWeight) {
  const at::Tensor x = at::randn({2, 5, 3, 10});
  for (const bool centred : {false, true}) {
    const HeadNorm norm{{}, {}, kLayerEps, centred};
    testing::expect_close(head_norm(x, norm), reference::head_norm(x, norm), 1e-6, "y");
  }
}

TEST(HeadNormTest, RefusesWeightOfOtherHeads) {
  EXPECT_ANY_THROW(head_norm(at::randn({2, 5, 3, 10}), {at::randn({2, 10}), {}}));
}

}  // namespace
}  // namespace ropewalk::ops
