#include "ropewalk/ops/rms_norm.h"

#include "ops/checks.h"
#include "ops/reference/reference.h"
#include "ops/with_threads.h"

namespace ropewalk::ops {
namespace {

using testing::Tensors;
constexpr double kNormEps = 1e-5;

class RmsNormTest : public testing::DeviceTest<std::tuple<at::ScalarType, int64_t, int64_t>> {
 protected:
  void prepare() override {
    torch::manual_seed(1);
    const auto [type, rows, dim] = GetParam();
    inputs_ = {testing::random_tensor({2, rows, dim}, type),
               testing::random_tensor({2, rows, dim}, type),
               testing::random_tensor({dim}, type == at::kDouble ? at::kDouble : at::kFloat)};
  }
  Tensors inputs_;
};

TEST_P(RmsNormTest, EqualsReference) {
  testing::expect_same(
      [](const Tensors& x) -> Tensors { return {rms_norm(x[0], x[2], kNormEps)}; },
      [](const Tensors& x) -> Tensors { return {reference::rms_norm(x[0], x[2], kNormEps)}; },
      inputs_,
      testing::tolerance(std::get<0>(GetParam())));
}

TEST_P(RmsNormTest, AddedResidualEqualsReference) {
  const auto fused = [](const Tensors& x) -> Tensors {
    const auto [normed, sum] = add_rms_norm(x[0], x[1], x[2], kNormEps);
    return {normed, sum};
  };
  const auto plain = [](const Tensors& x) -> Tensors {
    const at::Tensor sum = x[0] + x[1];
    return {reference::rms_norm(sum, x[2], kNormEps), sum};
  };
  testing::expect_same(fused, plain, inputs_, testing::tolerance(std::get<0>(GetParam())));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes,
    RmsNormTest,
    ::testing::Combine(::testing::Values(at::kFloat, at::kDouble, at::kBFloat16),
                       ::testing::Values(1, 7, 300),
                       ::testing::Values(1, 5, 16, 67, 256)));
INSTANTIATE_TEST_SUITE_P(
    OnGpu,
    RmsNormTest,
    ::testing::Combine(::testing::Values(at::kFloat, at::kDouble, at::kBFloat16),
                       ::testing::Values(7),
                       ::testing::Values(67)));

TEST(RmsNormTest, GradientsMatchFiniteDifferences) {
  testing::expect_gradients_match_finite_differences(
      [](const Tensors& x) -> Tensors {
        const auto [normed, sum] = add_rms_norm(x[0], x[1], x[2], kNormEps);
        return {normed, sum};
      },
      {testing::random_tensor({5, 19}, at::kDouble),
       testing::random_tensor({5, 19}, at::kDouble),
       testing::random_tensor({19}, at::kDouble)});
}

TEST(RmsNormTest, TakesTransposedInput) {
  const at::Tensor x = at::randn({12, 7}).t(), weight = at::randn({12});
  testing::expect_close(
      rms_norm(x, weight, kNormEps), reference::rms_norm(x, weight, kNormEps), 1e-6, "y");
}

TEST(RmsNormTest, WeightGradientDoesNotDependOnThreads) {
  const at::Tensor x = at::randn({1000, 64}), grad = at::randn({1000, 64});
  const auto weight_grad = [&] {
    at::Tensor weight = at::ones({64}).set_requires_grad(true);
    rms_norm(x, weight, kNormEps).backward(grad);
    return weight.grad();
  };
  EXPECT_TRUE(with_threads(1, weight_grad).equal(with_threads(3, weight_grad)));
}

TEST(RmsNormTest, RefusesWrongWeight) {
  EXPECT_ANY_THROW(rms_norm(at::randn({3, 4}), at::randn({5}), kNormEps));
}

}  // namespace
}  // namespace ropewalk::ops
