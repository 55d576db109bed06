#include "ropewalk/ops/swiglu.h"

#include "ops/checks.h"
#include "ops/reference/reference.h"

namespace ropewalk::ops {
namespace {

using testing::Tensors;

class SwigluTest : public testing::DeviceTest<std::tuple<at::ScalarType, int64_t>> {};

TEST_P(SwigluTest, EqualsReference) {
  const auto [type, dim] = GetParam();
  testing::expect_same([](const Tensors& x) -> Tensors { return {swiglu(x[0])}; },
                       [](const Tensors& x) -> Tensors { return {reference::swiglu(x[0])}; },
                       {testing::random_tensor({3, 5, 2 * dim}, type) * 4},
                       testing::tolerance(type));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes,
    SwigluTest,
    ::testing::Combine(::testing::Values(at::kFloat, at::kDouble, at::kBFloat16),
                       ::testing::Values(1, 3, 16, 43, 172)));
INSTANTIATE_TEST_SUITE_P(
    OnGpu,
    SwigluTest,
    ::testing::Combine(::testing::Values(at::kFloat, at::kDouble, at::kBFloat16),
                       ::testing::Values(43)));

TEST(SwigluTest, GradientsMatchFiniteDifferences) {
  testing::expect_gradients_match_finite_differences(
      [](const Tensors& x) -> Tensors { return {swiglu(x[0])}; },
      {testing::random_tensor({4, 26}, at::kDouble)});
}

TEST(SwigluTest, LargeGatesStayFinite) {
  const at::Tensor gate_up = at::tensor({-200.0f, 200.0f, 3.0f, 2.0f}).view({1, 4});
  const at::Tensor y = swiglu(gate_up);
  EXPECT_NEAR(y[0][0].item<float>(), 0.0f, 1e-30f);
  EXPECT_EQ(y[0][1].item<float>(), 400.0f);
}

}  // namespace
}  // namespace ropewalk::ops
