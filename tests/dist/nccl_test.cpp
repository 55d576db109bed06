// Needs GPUs and a build with ROPEWALK_CUDA; skips visibly elsewhere.
#include <ATen/ATen.h>

#include "dist/rank_bodies.h"
#include "dist/test_device.h"

namespace ropewalk::dist {
namespace {

RANK_BODY(on_gpus) {
  EXPECT_EQ(group.backend(), "nccl");
  ASSERT_TRUE(group.device().is_cuda());
  const int n = group.size();
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    at::Tensor total =
        at::full({1000}, group.rank(), at::TensorOptions(group.device()).dtype(type));
    group.all_reduce_sum(total);
    EXPECT_TRUE(
        total.cpu().to(at::kDouble).equal(at::full({1000}, n * (n - 1) / 2.0, at::kDouble)));
  }
  at::Tensor value = at::full({2}, group.rank(), at::TensorOptions(group.device()));
  group.broadcast(value, n - 1);
  EXPECT_EQ(value[0].item<float>(), n - 1);
  // Flags and texts of the same group stay on the CPU.
  EXPECT_TRUE(group.any_rank(group.rank() == n - 1));
  EXPECT_EQ(group.all_gather_text("x").size(), static_cast<size_t>(n));
}

TEST(Nccl, CallsOnTensorsOfTwoGpusGiveTheSameOnEveryRank) {
  ROPEWALK_SKIP_WITHOUT_GPUS(2);
  expect_ranks_pass("on_gpus", 2, {"ROPEWALK_TEST_BACKEND=nccl"});
}

TEST(Nccl, OneRankTakesItsGpuWithoutACommunicator) {
  ROPEWALK_SKIP_WITHOUT_GPUS(1);
  GroupOptions options;
  options.device = choose_device(RankEnvironment{}, GroupBackend::kAuto);
  const auto group = make_group(RankEnvironment{}, options);
  at::Tensor value = at::ones({3}, at::TensorOptions(group->device()));
  group->all_reduce_sum(value);
  EXPECT_EQ(value.sum().item<float>(), 3);
}

}  // namespace
}  // namespace ropewalk::dist
