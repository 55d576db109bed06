#include "ropewalk/optim/clip.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <limits>

#include "ops/with_threads.h"
#include "ropewalk/optim/trainable.h"

namespace ropewalk {
namespace {

NamedTensors with_gradients(const std::vector<torch::Tensor>& gradients) {
  NamedTensors parameters;
  for (const torch::Tensor& gradient : gradients) {
    torch::Tensor parameter = torch::zeros_like(gradient).requires_grad_();
    parameter.mutable_grad() = gradient.clone();
    parameters.emplace_back(std::to_string(parameters.size()), parameter);
  }
  return parameters;
}

ClipResult clip(const NamedTensors& parameters, double max_norm) {
  return clip_grad_norm(dist::as_whole(parameters), max_norm, [](double sum) { return sum; });
}

TEST(ClipGradNorm, PartsOnOtherRanksCount) {
  const NamedTensors parameters = with_gradients({torch::full({4}, 3.0f)});
  const auto with_other_rank = [](double sum) { return sum + 64.0; };
  const ClipResult result = clip_grad_norm(dist::as_whole(parameters), 5.0, with_other_rank);
  EXPECT_DOUBLE_EQ(result.norm, 10.0);
  EXPECT_TRUE(torch::allclose(parameters[0].second.grad(), torch::full({4}, 1.5f)));
}

TEST(ClipGradNorm, NormOverAllParametersIsScaledDownToTheLimit) {
  const NamedTensors parameters =
      with_gradients({torch::full({4}, 3.0f), torch::full({2, 2}, 4.0f)});
  const ClipResult result = clip(parameters, 1.0);
  EXPECT_DOUBLE_EQ(result.norm, 10.0);
  EXPECT_TRUE(result.clipped);
  EXPECT_NEAR(clip(parameters, 0.0).norm, 1.0, 1e-6);
}

TEST(ClipGradNorm, GradientsBelowTheLimitKeepTheirBits) {
  const torch::Tensor gradient = torch::randn({1000}) * 1e-4;
  const NamedTensors parameters = with_gradients({gradient});
  EXPECT_FALSE(clip(parameters, 1.0).clipped);
  EXPECT_TRUE(torch::equal(parameters[0].second.grad(), gradient));
}

TEST(ClipGradNorm, NonFiniteNormIsReportedAndLeavesGradientsAlone) {
  torch::Tensor gradient = torch::ones({8});
  gradient[3] = std::numeric_limits<float>::infinity();
  const NamedTensors parameters = with_gradients({gradient});
  const ClipResult result = clip(parameters, 1.0);
  EXPECT_FALSE(result.finite);
  EXPECT_FALSE(result.clipped);
  EXPECT_TRUE(torch::equal(parameters[0].second.grad(), gradient));
}

TEST(ClipGradNorm, NormHasTheSameBitsWithAnyNumberOfThreads) {
  torch::manual_seed(1);
  const NamedTensors parameters = with_gradients({torch::randn({300'001}), torch::randn({7, 11})});
  const auto norm = [&] { return clip(parameters, 0.0).norm; };
  const double one = with_threads(1, norm), three = with_threads(3, norm);
  EXPECT_EQ(one, three);
  const double expected =
      torch::cat({parameters[0].second.grad(), parameters[1].second.grad().flatten()})
          .to(torch::kDouble)
          .norm()
          .item<double>();
  EXPECT_NEAR(one, expected, 1e-9 * expected);
}

TEST(ClipGradNorm, SquaresThatOverflowSinglePrecisionAreStillFinite) {
  const NamedTensors parameters = with_gradients({torch::full({2}, 3e30f)});
  const ClipResult result = clip(parameters, 0.0);
  EXPECT_TRUE(result.finite);
  EXPECT_NEAR(result.norm, 3e30 * std::sqrt(2.0), 1e24);
}

}  // namespace
}  // namespace ropewalk
