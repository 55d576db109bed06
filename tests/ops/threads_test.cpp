// Own loops run on LibTorch's threads, and what they compute does not depend on how many there are.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "ops/rows.h"
#include "ops/with_threads.h"

namespace ropewalk::ops {
namespace {

TEST(Threads, ALoopIsSharedByAllOfThem) {
  const size_t ran_on = with_threads(3, [] {
    std::mutex mutex;
    std::set<std::thread::id> threads;
    at::parallel_for(0, 3, 1, [&](int64_t begin, int64_t end) {
      const std::lock_guard<std::mutex> lock(mutex);
      EXPECT_EQ(end, begin + 1);
      threads.insert(std::this_thread::get_id());
    });
    return threads.size();
  });
  EXPECT_EQ(ran_on, 3u);
}

void expect_same_on_all(const char* what, const std::function<std::vector<at::Tensor>()>& body) {
  const std::vector<at::Tensor> one = with_threads(1, body);
  for (const int threads : {2, 3, 5}) {
    const std::vector<at::Tensor> several = with_threads(threads, body);
    for (size_t i = 0; i < one.size(); ++i) {
      EXPECT_TRUE(at::equal(one[i], several[i])) << what << " " << i << " on " << threads;
    }
  }
}

// Rows enough that every op is shared out.
constexpr int64_t kRows = 1003, kDim = 96;

TEST(Threads, RowsAreTheSameOnAnyNumberOfThem) {
  at::manual_seed(3);
  const at::Tensor x = at::randn({kRows, kDim}), dy = at::randn({kRows, kDim});
  const at::Tensor delta = at::randn({kRows, kDim}), weight = at::randn({kDim});
  expect_same_on_all("rms_norm", [&]() -> std::vector<at::Tensor> {
    const rows::NormForward f = rows::rms_norm(x, delta, weight, 1e-5);
    const rows::NormBackward b = rows::rms_norm_backward(
        {.x = f.sum, .weight = weight, .rstd = f.rstd, .dy = dy, .residual_grad = x});
    return {f.y, f.sum, f.rstd, b.dx, b.weight_grad};
  });
  const at::Tensor gate_up = at::randn({kRows, 2 * kDim});
  expect_same_on_all("swiglu", [&]() -> std::vector<at::Tensor> {
    at::Tensor given = dy.clone();
    const at::Tensor grad = rows::swiglu_backward(gate_up, given, /*want_y=*/true);
    return {rows::swiglu(gate_up), grad, given};
  });
  const at::Tensor targets = at::randint(-1, kDim, {kRows}, at::kLong);
  const at::Tensor ignored = at::where(targets < 0, at::full_like(targets, -100), targets);
  expect_same_on_all("cross_entropy", [&]() -> std::vector<at::Tensor> {
    at::Tensor logits = x.clone();
    const at::Tensor nll = rows::cross_entropy(logits, ignored, /*gradient=*/true);
    return {nll, logits};
  });
}

TEST(Threads, HeadsAreTheSameOnAnyNumberOfThem) {
  at::manual_seed(4);
  const HeadShape shape{.num_heads = 4, .num_kv_heads = 2, .head_dim = 32};
  const at::Tensor qkv = at::randn({2, kRows, 8 * 32});
  const at::Tensor angles = at::rand({kRows, 16});
  const RotaryTables tables{angles.cos(), angles.sin(), RotaryLayout::kHalf};
  expect_same_on_all("split_rotary", [&]() -> std::vector<at::Tensor> {
    const Heads heads = rows::split_rotary(qkv, shape, tables, 0);
    return {heads.q_BHTD,
            heads.k_BHTD,
            heads.v_BHTD,
            rows::split_rotary_backward(heads, shape, tables, 0)};
  });
}

}  // namespace
}  // namespace ropewalk::ops
