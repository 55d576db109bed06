// Shared by the ops' tests: random inputs, comparison of values and gradients with a reference, and
// finite differences in double.
#pragma once

#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <functional>
#include <vector>

#include "dist/test_device.h"

namespace ropewalk::ops::testing {

using ropewalk::testing::DeviceTest;
using ropewalk::testing::test_device;

using Tensors = std::vector<at::Tensor>;
using Op = std::function<Tensors(const Tensors&)>;

inline at::Tensor random_tensor(at::IntArrayRef sizes, at::ScalarType type = at::kFloat) {
  return at::randn(sizes, at::kDouble).to(test_device(), type);
}

inline double tolerance(at::ScalarType type) {
  return type == at::kDouble ? 1e-10 : type == at::kFloat ? 2e-5 : 3e-2;
}

// |a - b| <= tolerance * (largest |b| + 1).
inline void expect_close(const at::Tensor& got,
                         const at::Tensor& want,
                         double tolerance,
                         const std::string& what) {
  ASSERT_TRUE(got.defined()) << what;
  ASSERT_EQ(got.sizes(), want.sizes()) << what;
  ASSERT_EQ(got.scalar_type(), want.scalar_type()) << what;
  const at::Tensor a = got.to(at::kDouble), b = want.to(at::kDouble);
  if (a.numel() == 0) return;
  const double scale = b.abs().max().item<double>() + 1.0;
  EXPECT_LE((a - b).abs().max().item<double>(), tolerance * scale) << what;
}

inline Tensors leaves(const Tensors& inputs) {
  Tensors out;
  for (const auto& x : inputs) out.push_back(x.detach().clone().set_requires_grad(true));
  return out;
}

inline at::Tensor weighted_sum(const Tensors& outputs, const Tensors& weights) {
  at::Tensor total = at::zeros({}, at::kDouble);
  for (size_t i = 0; i < outputs.size(); ++i) {
    total = total + (outputs[i].to(at::kDouble) * weights[i]).sum();
  }
  return total;
}

// Outputs and the gradients of a random weighting of all outputs with respect to all inputs.
inline void expect_same(const Op& op,
                        const Op& reference,
                        const Tensors& inputs,
                        double tolerance) {
  const Tensors mine = leaves(inputs), theirs = leaves(inputs);
  const Tensors got = op(mine), want = reference(theirs);
  ASSERT_EQ(got.size(), want.size());
  Tensors weights;
  for (size_t i = 0; i < got.size(); ++i) {
    expect_close(got[i], want[i], tolerance, "output " + std::to_string(i));
    weights.push_back(random_tensor(want[i].sizes(), at::kDouble));
  }
  weighted_sum(got, weights).backward();
  weighted_sum(want, weights).backward();
  for (size_t i = 0; i < mine.size(); ++i) {
    if (!theirs[i].grad().defined()) continue;
    expect_close(mine[i].grad(), theirs[i].grad(), tolerance, "gradient " + std::to_string(i));
  }
}

// Central differences along random directions; inputs in double.
inline void expect_gradients_match_finite_differences(const Op& op, const Tensors& inputs) {
  const Tensors x = leaves(inputs);
  const Tensors out = op(x);
  Tensors weights;
  for (const auto& y : out) weights.push_back(random_tensor(y.sizes(), at::kDouble));
  weighted_sum(out, weights).backward();
  at::NoGradGuard no_grad;
  const double h = 1e-5;
  for (size_t i = 0; i < x.size(); ++i) {
    for (int repeat = 0; repeat < 3; ++repeat) {
      const at::Tensor direction = random_tensor(x[i].sizes(), at::kDouble);
      Tensors ahead = inputs, behind = inputs;
      ahead[i] = inputs[i] + h * direction;
      behind[i] = inputs[i] - h * direction;
      const double difference =
          (weighted_sum(op(ahead), weights) - weighted_sum(op(behind), weights)).item<double>() /
          (2 * h);
      const double product = (x[i].grad() * direction).sum().item<double>();
      EXPECT_NEAR(product, difference, 1e-5 * (std::abs(difference) + 1)) << "input " << i;
    }
  }
}

}  // namespace ropewalk::ops::testing
