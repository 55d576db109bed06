#include "ropewalk/ops/attention.h"

#include "ops/checks.h"
#include "ops/reference/reference.h"
#include "ops/with_threads.h"

namespace ropewalk::ops {
namespace {

using testing::Tensors;

struct AttentionCase {
  at::ScalarType type;
  int64_t batch, heads, kv_heads, queries, keys, head_dim;
};

class AttentionTest : public testing::DeviceTest<AttentionCase> {};

TEST_P(AttentionTest, EqualsReference) {
  const AttentionCase c = GetParam();
  const double scale = 1.0 / std::sqrt(static_cast<double>(c.head_dim));
  testing::expect_same(
      [&](const Tensors& x) -> Tensors { return {causal_attention(x[0], x[1], x[2], {scale})}; },
      [&](const Tensors& x) -> Tensors {
        return {reference::causal_attention(x[0], x[1], x[2], {scale})};
      },
      {testing::random_tensor({c.batch, c.heads, c.queries, c.head_dim}, c.type),
       testing::random_tensor({c.batch, c.kv_heads, c.keys, c.head_dim}, c.type),
       testing::random_tensor({c.batch, c.kv_heads, c.keys, c.head_dim}, c.type)},
      testing::tolerance(c.type));
}

std::vector<AttentionCase> attention_cases() {
  std::vector<AttentionCase> out;
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    out.push_back({type, 2, 4, 2, 33, 33, 16});
    out.push_back({type, 1, 6, 2, 1, 1, 20});
    out.push_back({type, 2, 3, 3, 1, 41, 8});  // decoding
    out.push_back({type, 2, 6, 1, 1, 70, 32});
    out.push_back({type, 2, 4, 2, 9, 40, 24});  // a chunk behind cached tokens
    out.push_back({type, 1, 2, 1, 5, 6, 5});
  }
  out.push_back({at::kFloat, 1, 2, 1, 300, 300, 64});
  out.push_back({at::kFloat, 1, 4, 2, 800, 800, 16});
  out.push_back({at::kFloat, 1, 2, 1, 1300, 1300, 8});
  // The own kernels: whole and partial panels and tiles, every width of sums, groups.
  for (const int64_t tokens : {2, 23, 24, 25, 95, 96, 97, 193, 250}) {
    out.push_back({at::kFloat, 2, 4, 2, tokens, tokens, 32});
  }
  for (const int64_t head_dim : {16, 48, 80, 128, 144, 256}) {
    out.push_back({at::kFloat, 1, 3, 1, 131, 131, head_dim});
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Cases, AttentionTest, ::testing::ValuesIn(attention_cases()));
INSTANTIATE_TEST_SUITE_P(OnGpu, AttentionTest, ::testing::ValuesIn(attention_cases()));

TEST(AttentionTest, GradientsMatchFiniteDifferences) {
  testing::expect_gradients_match_finite_differences(
      [](const Tensors& x) -> Tensors { return {causal_attention(x[0], x[1], x[2], {0.3})}; },
      {testing::random_tensor({2, 4, 6, 8}, at::kDouble),
       testing::random_tensor({2, 2, 6, 8}, at::kDouble),
       testing::random_tensor({2, 2, 6, 8}, at::kDouble)});
}

TEST(AttentionTest, ChunksBehindCachedTokensEqualTheWhole) {
  const at::Tensor q = at::randn({1, 4, 20, 8}), k = at::randn({1, 2, 20, 8}),
                   v = at::randn({1, 2, 20, 8});
  const at::Tensor whole = causal_attention(q, k, v, {0.5});
  for (const auto& [begin, end] :
       std::vector<std::pair<int64_t, int64_t>>{{0, 7}, {7, 19}, {19, 20}}) {
    const at::Tensor part =
        causal_attention(q.slice(2, begin, end), k.slice(2, 0, end), v.slice(2, 0, end), {0.5});
    testing::expect_close(part, whole.slice(1, begin, end), 1e-6, "chunk");
  }
}

TEST(AttentionTest, LaterKeysDoNotMatter) {
  for (const int64_t head_dim : {8, 16}) {  // ATen's kernel and the own one
    const at::Tensor q = at::randn({1, 2, 12, head_dim}), k = at::randn({1, 1, 12, head_dim}),
                     v = at::randn({1, 1, 12, head_dim});
    at::Tensor other = k.clone();
    other.slice(2, 6).normal_();
    const at::Tensor a = causal_attention(q, k, v, {0.5}), b = causal_attention(q, other, v, {0.5});
    EXPECT_TRUE(a.slice(1, 0, 6).equal(b.slice(1, 0, 6)));
    EXPECT_FALSE(a.slice(1, 6).equal(b.slice(1, 6)));
  }
}

TEST(AttentionTest, LargeScoresOverflowNowhere) {
  const auto inputs = [](at::ScalarType type) -> Tensors {
    at::manual_seed(3);
    return testing::leaves({testing::random_tensor({1, 2, 150, 16}, type) * 60,
                            testing::random_tensor({1, 1, 150, 16}, type) * 60,
                            testing::random_tensor({1, 1, 150, 16}, type)});
  };
  const Tensors x = inputs(at::kFloat), exact = inputs(at::kDouble);
  const at::Tensor got = causal_attention(x[0], x[1], x[2], {1.0});
  const at::Tensor want = reference::causal_attention(exact[0], exact[1], exact[2], {1.0});
  testing::expect_close(got.to(at::kDouble), want, 5e-3, "output");
  got.sum().backward();
  for (const auto& leaf : x) EXPECT_TRUE(leaf.grad().isfinite().all().item<bool>());
}

TEST(AttentionTest, NotANumberIsNotHidden) {
  const at::Tensor q = at::randn({1, 1, 120, 16}), v = at::randn({1, 1, 120, 16});
  at::Tensor k = at::randn({1, 1, 120, 16});
  k[0][0][7][3] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor out = causal_attention(q, k, v, {0.25});
  EXPECT_TRUE(out.slice(1, 0, 7).isfinite().all().item<bool>());
  EXPECT_TRUE(out.slice(1, 7).isnan().all().item<bool>());
}

// Also with more threads than key-value heads, when threads share one.
TEST(AttentionTest, SameBitsForTheSameNumberOfThreads) {
  const Tensors inputs = {
      at::randn({1, 2, 700, 32}), at::randn({1, 1, 700, 32}), at::randn({1, 1, 700, 32})};
  const auto attend = [&]() -> Tensors {
    const Tensors x = testing::leaves(inputs);
    const at::Tensor out = causal_attention(x[0], x[1], x[2], {0.2});
    out.square().sum().backward();
    return {out.detach(), x[0].grad(), x[1].grad(), x[2].grad()};
  };
  const auto run = [&](int threads) { return with_threads(threads, attend); };
  const Tensors single = run(1);
  for (const int threads : {1, 3, 9}) {
    const Tensors once = run(threads), again = run(threads);
    for (size_t i = 0; i < once.size(); ++i) {
      EXPECT_TRUE(once[i].equal(again[i])) << i;
      testing::expect_close(once[i], single[i], 1e-5, "against one thread");
    }
  }
}

TEST(AttentionTest, RefusesFewerKeysThanQueries) {
  EXPECT_ANY_THROW(causal_attention(
      at::randn({1, 2, 4, 8}), at::randn({1, 2, 3, 8}), at::randn({1, 2, 3, 8}), {}));
}

}  // namespace
}  // namespace ropewalk::ops
