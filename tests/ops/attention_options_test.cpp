#include "ops/attention_paths.h"
#include "ops/checks.h"
#include "ops/reference/reference.h"
#include "ropewalk/ops/attention.h"

namespace ropewalk::ops {
namespace {

using testing::Tensors;

struct OptionsCase {
  at::ScalarType type;
  int64_t batch, heads, kv_heads, queries, keys, head_dim, v_dim;
  int64_t window;
  double softcap;
  bool sinks;
};

AttentionOptions options_of(const OptionsCase& c, const at::Tensor& sinks) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(c.head_dim));
  return {scale, c.window, c.softcap, c.sinks ? sinks : at::Tensor()};
}

Tensors inputs_of(const OptionsCase& c) {
  const at::ScalarType stored = c.type == at::kDouble ? at::kDouble : at::kFloat;
  Tensors out{testing::random_tensor({c.batch, c.heads, c.queries, c.head_dim}, c.type) * 2,
              testing::random_tensor({c.batch, c.kv_heads, c.keys, c.head_dim}, c.type) * 2,
              testing::random_tensor({c.batch, c.kv_heads, c.keys, c.v_dim}, c.type)};
  if (c.sinks) out.push_back(testing::random_tensor({c.heads}, stored) * 2);
  return out;
}

class AttentionOptionsTest : public ::testing::TestWithParam<OptionsCase> {};

TEST_P(AttentionOptionsTest, EqualsReference) {
  torch::manual_seed(5);
  const OptionsCase c = GetParam();
  const auto options = [&](const Tensors& x) {
    return options_of(c, c.sinks ? x[3] : at::Tensor());
  };
  testing::expect_same(
      [&](const Tensors& x) -> Tensors { return {causal_attention(x[0], x[1], x[2], options(x))}; },
      [&](const Tensors& x) -> Tensors {
        return {reference::causal_attention(x[0], x[1], x[2], options(x))};
      },
      inputs_of(c),
      testing::tolerance(c.type));
}

std::vector<OptionsCase> options_cases() {
  std::vector<OptionsCase> out;
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    for (const int64_t window : {0, 1, 7, 40}) {
      for (const double softcap : {0.0, 1.5}) {
        for (const bool sinks : {false, true}) {
          out.push_back({type, 2, 4, 2, 33, 33, 16, 16, window, softcap, sinks});
          out.push_back({type, 1, 3, 1, 9, 50, 12, 20, window, softcap, sinks});
          out.push_back({type, 2, 2, 2, 1, 41, 24, 16, window, softcap, sinks});  // decoding
          out.push_back({type, 1, 6, 3, 5, 6, 5, 3, window, softcap, sinks});
        }
      }
    }
  }
  for (const auto& [softcap, sinks] :
       std::vector<std::pair<double, bool>>{{0.0, false}, {2.0, false}, {0.0, true}}) {
    out.push_back({at::kFloat, 1, 4, 2, 700, 700, 16, 16, 100, softcap, sinks});
    out.push_back({at::kFloat, 2, 2, 1, 300, 520, 8, 8, 37, softcap, sinks});
    out.push_back({at::kFloat, 1, 2, 1, 1300, 1300, 8, 8, 600, softcap, sinks});
    out.push_back({at::kFloat, 1, 2, 1, 900, 900, 8, 12, 0, softcap, sinks});
    out.push_back({at::kBFloat16, 1, 4, 2, 300, 300, 16, 8, 200, softcap, sinks});
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Cases, AttentionOptionsTest, ::testing::ValuesIn(options_cases()));

TEST(AttentionOptionsTest, GradientsMatchFiniteDifferences) {
  for (const OptionsCase& c : {OptionsCase{at::kDouble, 2, 4, 2, 6, 6, 8, 8, 3, 0.0, false},
                               OptionsCase{at::kDouble, 2, 4, 2, 6, 9, 8, 5, 3, 0.7, true},
                               OptionsCase{at::kDouble, 1, 4, 2, 6, 6, 8, 8, 0, 0.0, true}}) {
    testing::expect_gradients_match_finite_differences(
        [&](const Tensors& x) -> Tensors {
          return {causal_attention(x[0], x[1], x[2], options_of(c, c.sinks ? x[3] : at::Tensor()))};
        },
        inputs_of(c));
  }
}

// The way that other devices take.
TEST(AttentionOptionsTest, WaysAgreeOnWindows) {
  const OptionsCase c{at::kFloat, 2, 4, 2, 290, 310, 16, 16, 60, 0.0, false};
  testing::expect_same(
      [&](const Tensors& x) -> Tensors {
        return {attention::chunked(x[0], x[1], x[2], options_of(c, {}))};
      },
      [&](const Tensors& x) -> Tensors {
        return {attention::windowed(x[0], x[1], x[2], options_of(c, {}))};
      },
      inputs_of(c),
      1e-5);
}

TEST(AttentionOptionsTest, KeysOutsideTheWindowDoNotMatter) {
  for (const double softcap : {0.0, 3.0}) {
    const AttentionOptions options{0.5, 4, softcap, {}};
    const at::Tensor q = at::randn({1, 2, 200, 8}), k = at::randn({1, 1, 200, 8}),
                     v = at::randn({1, 1, 200, 8});
    at::Tensor other = k.clone();
    other.slice(2, 0, 100).normal_();
    const at::Tensor a = causal_attention(q, k, v, options),
                     b = causal_attention(q, other, v, options);
    EXPECT_TRUE(a.slice(1, 103).equal(b.slice(1, 103)));
    EXPECT_FALSE(a.slice(1, 102, 103).equal(b.slice(1, 102, 103)));
  }
}

TEST(AttentionOptionsTest, LowSinksAreNone) {
  const at::Tensor q = at::randn({1, 2, 20, 8}), k = at::randn({1, 1, 20, 8}),
                   v = at::randn({1, 1, 20, 8});
  testing::expect_close(causal_attention(q, k, v, {.scale = 0.5, .sinks_H = at::full({2}, -1e4f)}),
                        causal_attention(q, k, v, {0.5}),
                        1e-6,
                        "output");
}

TEST(AttentionOptionsTest, DocumentsAreAttendedToOneByOne) {
  torch::manual_seed(6);
  const std::vector<int64_t> lengths{7, 1, 19, 6};
  const Documents documents = make_documents(lengths, at::kCPU);
  for (const int64_t head_dim : {16, 10}) {
    for (const int64_t window : {0, 4}) {
      for (const double softcap : {0.0, 1.5}) {
        const OptionsCase c{
            at::kFloat, 1, 4, 2, 33, 33, head_dim, head_dim, window, softcap, softcap > 0};
        const auto options = [&](const Tensors& x) {
          return options_of(c, c.sinks ? x[3] : at::Tensor());
        };
        testing::expect_same(
            [&](const Tensors& x) -> Tensors {
              AttentionOptions within = options(x);
              within.documents = &documents;
              return {causal_attention(x[0], x[1], x[2], within)};
            },
            [&](const Tensors& x) -> Tensors {
              Tensors parts;
              int64_t begin = 0;
              for (const int64_t length : lengths) {
                const auto part = [&](const at::Tensor& t) { return t.narrow(2, begin, length); };
                parts.push_back(
                    reference::causal_attention(part(x[0]), part(x[1]), part(x[2]), options(x)));
                begin += length;
              }
              return {at::cat(parts, 1)};
            },
            inputs_of(c),
            testing::tolerance(c.type));
      }
    }
  }
}

TEST(AttentionOptionsTest, RefusesDocumentsThatDoNotCoverTheRow) {
  const Documents documents = make_documents({2, 3}, at::kCPU);
  const at::Tensor x = at::zeros({1, 2, 6, 8});
  EXPECT_ANY_THROW(causal_attention(x, x, x, {.documents = &documents}));
}

TEST(AttentionOptionsTest, RefusesSinksOfOtherHeads) {
  const at::Tensor q = at::randn({1, 2, 4, 8}), kv = at::randn({1, 1, 4, 8});
  EXPECT_ANY_THROW(causal_attention(q, kv, kv, {.sinks_H = at::zeros({1})}));
}

}  // namespace
}  // namespace ropewalk::ops
