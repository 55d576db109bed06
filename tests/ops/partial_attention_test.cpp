#include "ropewalk/ops/partial_attention.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "ops/checks.h"
#include "ropewalk/ops/attention.h"

namespace ropewalk::ops {
namespace {

struct PartCase {
  const char* name;
  int64_t heads = 4, kv_heads = 2, head_dim = 6, v_dim = 6;
  int64_t window = 0;
  double softcap = 0.0;
};

const PartCase kPartCases[] = {
    {"Plain"},
    {"OneKeyValueHead", 3, 1, 16, 16},
    {"ValuesOfAnotherSize", 2, 2, 12, 8},
    {"Window", 4, 2, 6, 6, 9},
    {"WindowOfOne", 4, 2, 6, 6, 1},
    {"LongWindow", 4, 4, 6, 6, 1000},
    {"Softcap", 4, 2, 6, 8, 0, 1.5},
    {"SoftcapWithinAWindow", 4, 2, 6, 8, 7, 1.5},
};

class PartialAttentionTest : public ::testing::TestWithParam<PartCase> {
 protected:
  AttentionHeads heads(int64_t tokens, at::ScalarType type) const {
    const PartCase& c = GetParam();
    const auto make = [&](int64_t heads, int64_t width) {
      return testing::random_tensor({2, heads, tokens, width}, type).set_requires_grad(true);
    };
    return {make(c.heads, c.head_dim), make(c.kv_heads, c.head_dim), make(c.kv_heads, c.v_dim)};
  }
};

AttentionHeads rows(const AttentionHeads& x,
                    at::ArrayRef<int64_t> queries,
                    at::ArrayRef<int64_t> keys) {
  return {x.q_BHTD.slice(2, queries[0], queries[1]),
          x.k_BHTD.slice(2, keys[0], keys[1]),
          x.v_BHTE.slice(2, keys[0], keys[1])};
}

// A cut of the tokens; chunk by chunk, the parts of attention that a query's chunk has.
struct Part {
  int64_t queries[2], keys[2];
  KeyPart options;
};

std::vector<Part> parts_of(const std::vector<int64_t>& cuts, const KeyPart& all) {
  std::vector<Part> parts;
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    for (size_t j = 0; j <= i; ++j) {
      Part p{{cuts[i], cuts[i + 1]}, {cuts[j], cuts[j + 1]}, all};
      if (all.window > 0) {
        p.keys[0] = std::max(p.keys[0], p.queries[0] - all.window + 1);
        if (i != j) p.queries[1] = std::min(p.queries[1], p.keys[1] - 1 + all.window);
        if (p.keys[0] >= p.keys[1] || p.queries[0] >= p.queries[1]) continue;
      }
      p.options.reach = p.queries[0] - p.keys[0];
      parts.push_back(p);
    }
  }
  return parts;
}

TEST_P(PartialAttentionTest, PartsPutTogetherAreTheWhole) {
  const PartCase& c = GetParam();
  const KeyPart all{.scale = 0.4, .softcap = c.softcap, .window = c.window};
  for (const auto type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const AttentionHeads x = heads(41, type);
    const at::Tensor whole = causal_attention(
        x.q_BHTD, x.k_BHTD, x.v_BHTE, {.scale = 0.4, .window = c.window, .softcap = c.softcap});
    const at::Tensor dout = testing::random_tensor(whole.sizes(), type);
    const auto expected = torch::autograd::grad({whole}, {x.q_BHTD, x.k_BHTD, x.v_BHTE}, {dout});

    const at::NoGradGuard no_grad;
    const auto wide = whole.options().dtype(type == at::kDouble ? at::kDouble : at::kFloat);
    const AttentionResult sum{at::zeros({2, c.heads, 41, c.v_dim}, wide),
                              at::full({2, 41, c.heads}, -INFINITY, wide).transpose(1, 2)};
    const auto parts = parts_of({0, 5, 6, 20, 41}, all);
    for (const Part& p : parts) {
      AttentionResult of_queries{sum.out_BHTE.slice(2, p.queries[0], p.queries[1]),
                                 sum.log_totals_BHT.slice(2, p.queries[0], p.queries[1])};
      add_part(of_queries, attend_part(rows(x, p.queries, p.keys), p.options));
    }
    const double bound = testing::tolerance(type);
    const at::Tensor out_BHTE = sum.out_BHTE.to(type);
    testing::expect_close(out_BHTE.transpose(1, 2).flatten(2), whole, bound, "output");

    const at::Tensor dout_BHTE = dout.unflatten(2, {c.heads, c.v_dim}).transpose(1, 2);
    const at::Tensor dq = at::zeros(x.q_BHTD.sizes(), wide), dk = at::zeros(x.k_BHTD.sizes(), wide),
                     dv = at::zeros(x.v_BHTE.sizes(), wide);
    for (const Part& p : parts) {
      const auto queries = [&](const at::Tensor& t) {
        return t.slice(2, p.queries[0], p.queries[1]);
      };
      const AttentionHeads d =
          attend_part_backward(rows(x, p.queries, p.keys),
                               {queries(out_BHTE), queries(sum.log_totals_BHT)},
                               queries(dout_BHTE),
                               p.options);
      queries(dq).add_(d.q_BHTD);
      dk.slice(2, p.keys[0], p.keys[1]).add_(d.k_BHTD);
      dv.slice(2, p.keys[0], p.keys[1]).add_(d.v_BHTE);
    }
    testing::expect_close(dq.to(type), expected[0], bound, "dq");
    testing::expect_close(dk.to(type), expected[1], bound, "dk");
    testing::expect_close(dv.to(type), expected[2], bound, "dv");
  }
}

INSTANTIATE_TEST_SUITE_P(Cases,
                         PartialAttentionTest,
                         ::testing::ValuesIn(kPartCases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(PartialAttention, RefusesAQueryThatSeesNoKey) {
  const at::Tensor x = at::zeros({1, 1, 4, 8});
  EXPECT_ANY_THROW(attend_part({x, x, x}, {.reach = -1}));
  EXPECT_ANY_THROW(attend_part({x, x, x}, {.reach = 4, .window = 4}));
  EXPECT_NO_THROW(attend_part({x, x, x}, {.reach = 4, .window = 5}));
}

}  // namespace
}  // namespace ropewalk::ops
