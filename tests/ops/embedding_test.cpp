#include "ropewalk/ops/embedding.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/types.h>

namespace ropewalk::ops {
namespace {

TEST(EmbeddingTest, IsThatOfTorchToTheBit) {
  const at::Tensor tokens = at::tensor({3, 1, 3, 0, 3, 4}, at::kLong).view({2, 3});
  const at::Tensor ours = torch::randn({5, 7}).requires_grad_();
  const at::Tensor theirs = ours.detach().clone().requires_grad_();
  const at::Tensor upstream = torch::randn({2, 3, 7});
  const at::Tensor y = embedding(ours, tokens, at::kFloat),
                   expected = at::embedding(theirs, tokens);
  EXPECT_TRUE(y.equal(expected));
  y.backward(upstream);
  expected.backward(upstream);
  EXPECT_TRUE(ours.grad().equal(theirs.grad()));
}

TEST(EmbeddingTest, AFrequentTokensGradientIsSummedInFp32) {
  constexpr int64_t kRepeats = 8192;
  const at::Tensor weight = at::zeros({2, 4}, at::kBFloat16).requires_grad_();
  const at::Tensor y = embedding(weight, at::ones({kRepeats}, at::kLong), at::kBFloat16);
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  y.backward(at::full_like(y, 0.125));
  EXPECT_EQ(weight.grad().scalar_type(), at::kBFloat16);
  EXPECT_TRUE(weight.grad()[1].equal(at::full({4}, 0.125 * kRepeats, at::kBFloat16)));
  EXPECT_TRUE(weight.grad()[0].equal(at::zeros({4}, at::kBFloat16)));
}

}  // namespace
}  // namespace ropewalk::ops
