#include "ropewalk/ops/rotary.h"

#include "ops/checks.h"
#include "ops/reference/reference.h"

namespace ropewalk::ops {
namespace {

using testing::Tensors;

RotaryTables make_tables(int64_t positions, int64_t rotary_dims, RotaryLayout layout) {
  const at::Tensor angles = testing::random_tensor({positions, rotary_dims / 2});
  return {angles.cos(), angles.sin(), layout};
}

Tensors as_list(const Heads& heads) { return {heads.q_BHTD, heads.k_BHTD, heads.v_BHTD}; }

struct RotaryCase {
  at::ScalarType type;
  HeadShape shape;
  int64_t rotary_dims;
  RotaryLayout layout;
};

class SplitRotaryTest : public testing::DeviceTest<RotaryCase> {};

TEST_P(SplitRotaryTest, EqualsReference) {
  const RotaryCase c = GetParam();
  const int64_t width = (c.shape.num_heads + 2 * c.shape.num_kv_heads) * c.shape.head_dim;
  const RotaryTables tables = make_tables(40, c.rotary_dims, c.layout);
  testing::expect_same(
      [&](const Tensors& x) { return as_list(split_rotary(x[0], c.shape, tables, 4)); },
      [&](const Tensors& x) { return as_list(reference::split_rotary(x[0], c.shape, tables, 4)); },
      {testing::random_tensor({3, 33, width}, c.type)},
      testing::tolerance(c.type));
}

std::vector<RotaryCase> rotary_cases() {
  std::vector<RotaryCase> out;
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    for (const auto layout : {RotaryLayout::kHalf, RotaryLayout::kInterleaved}) {
      out.push_back({type, {4, 2, 64}, 64, layout});
      out.push_back({type, {3, 1, 10}, 10, layout});
      out.push_back({type, {6, 3, 20}, 6, layout});
      out.push_back({type, {2, 2, 48}, 24, layout});
    }
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Cases, SplitRotaryTest, ::testing::ValuesIn(rotary_cases()));
INSTANTIATE_TEST_SUITE_P(OnGpu, SplitRotaryTest, ::testing::ValuesIn(rotary_cases()));

TEST(SplitRotaryTest, GradientsMatchFiniteDifferences) {
  const RotaryTables tables = make_tables(9, 6, RotaryLayout::kHalf);
  testing::expect_gradients_match_finite_differences(
      [&](const Tensors& x) {
        return as_list(split_rotary(x[0], {2, 1, 8}, tables, 2));
      },
      {testing::random_tensor({2, 5, 32}, at::kDouble)});
}

TEST(SplitRotaryTest, ScoresDependOnDistanceOnly) {
  // Angles proportional to the position; the same token everywhere.
  const at::Tensor angles = at::arange(50).unsqueeze(1) * at::tensor({1.0f, 0.1f, 0.01f});
  for (const auto layout : {RotaryLayout::kHalf, RotaryLayout::kInterleaved}) {
    const RotaryTables tables{angles.cos(), angles.sin(), layout};
    const at::Tensor q = at::randn({1, 1, 1, 6}), k = at::randn({1, 1, 1, 6});
    const auto score = [&](int64_t m, int64_t n) {
      return (apply_rotary(q, tables, m) * apply_rotary(k, tables, n)).sum().item<float>();
    };
    EXPECT_NEAR(score(7, 3), score(44, 40), 1e-5);
    EXPECT_NEAR(score(20, 20), (q * k).sum().item<float>(), 1e-5);
  }
}

TEST_P(SplitRotaryTest, HeadsAloneEqualReference) {
  const RotaryCase c = GetParam();
  const RotaryTables tables = make_tables(40, c.rotary_dims, c.layout);
  const int64_t heads = c.shape.num_heads, dim = c.shape.head_dim;
  testing::expect_same(
      [&](const Tensors& x) -> Tensors {
        return {rotate(x[0], HeadOrder::kTokensFirst, tables, 4),
                rotate(x[1], HeadOrder::kHeadsFirst, tables, 4),
                rotate(x[2].slice(-1, 1, dim + 1), HeadOrder::kTokensFirst, tables, 4),
                rotate(x[1].transpose(1, 2), HeadOrder::kTokensFirst, tables, 4)};
      },
      [&](const Tensors& x) -> Tensors {
        return {reference::apply_rotary(x[0].transpose(1, 2), tables, 4),
                reference::apply_rotary(x[1], tables, 4),
                reference::apply_rotary(x[2].slice(-1, 1, dim + 1).transpose(1, 2), tables, 4),
                reference::apply_rotary(x[1], tables, 4)};
      },
      {testing::random_tensor({3, 33, heads, dim}, c.type),
       testing::random_tensor({3, heads, 33, dim}, c.type),
       testing::random_tensor({3, 33, 1, dim + 2}, c.type)},
      testing::tolerance(c.type));
}

TEST(RotateTest, GradientsMatchFiniteDifferences) {
  for (const auto layout : {RotaryLayout::kHalf, RotaryLayout::kInterleaved}) {
    const RotaryTables tables = make_tables(9, 6, layout);
    testing::expect_gradients_match_finite_differences(
        [&](const Tensors& x) -> Tensors {
          return {rotate(x[0], HeadOrder::kTokensFirst, tables, 2),
                  rotate(x[1], HeadOrder::kHeadsFirst, tables, 2)};
        },
        {testing::random_tensor({2, 5, 3, 8}, at::kDouble),
         testing::random_tensor({2, 3, 5, 8}, at::kDouble)});
  }
}

TEST(RotateTest, WithoutTablesNothingTurns) {
  const HeadShape shape{4, 2, 10};
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor qkv = testing::random_tensor({2, 7, 80}, type);
    const auto parts = qkv.split_with_sizes({40, 20, 20}, -1);
    testing::expect_same(
        [&](const Tensors& x) { return as_list(split_rotary(x[0], shape, {}, 3)); },
        [&](const Tensors& x) { return as_list(reference::split_rotary(x[0], shape, {}, 3)); },
        {qkv},
        0.0);
    const at::Tensor heads = parts[0].unflatten(-1, {4, 10}), want = heads.transpose(1, 2);
    EXPECT_TRUE(rotate(heads, HeadOrder::kTokensFirst, {}, 3).equal(want));
    EXPECT_TRUE(rotate(want, HeadOrder::kHeadsFirst, {}, 3).equal(want));
    EXPECT_TRUE(apply_rotary(want, {}, 3).equal(want));
  }
}

TEST(SplitRotaryTest, RefusesPositionsBeyondTheTables) {
  const RotaryTables tables = make_tables(9, 8, RotaryLayout::kHalf);
  EXPECT_ANY_THROW(split_rotary(at::randn({1, 5, 32}), {2, 1, 8}, tables, 5));
}

}  // namespace
}  // namespace ropewalk::ops
