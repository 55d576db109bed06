#include "ops/cpu/kernels.h"

#include "ops/checks.h"
#include "ops/cpu/dispatch.h"
#include "ops/reference/reference.h"

namespace ropewalk::ops {
namespace {

struct Set {
  const char* name;
  const KernelTable& table;
  bool runs;
};

std::vector<Set> instruction_sets() {
  return {{"baseline", kernel_table_baseline(), true},
          {"avx2",
           kernel_table_avx2(),
           __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")},
          {"avx512",
           kernel_table_avx512(),
           __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")}};
}

TEST(KernelsTest, InstructionSetsAgree) {
  const int64_t rows = 5, vocab = 77;
  const at::Tensor logits = at::randn({rows, vocab}) * 5, targets = at::arange(rows);
  const at::Tensor want = at::softmax(logits, 1) - at::one_hot(targets, vocab);
  for (const Set& set : instruction_sets()) {
    if (!set.runs) continue;
    at::Tensor grad = logits.clone(), nll = at::empty({rows});
    const CrossEntropyArgs<float> args{grad.data_ptr<float>(),
                                       targets.data_ptr<int64_t>(),
                                       nll.data_ptr<float>(),
                                       vocab,
                                       -100,
                                       true};
    set.table.f32.cross_entropy(args, 0, rows);
    testing::expect_close(grad, want.to(at::kFloat), 1e-6, set.name);
    const at::Tensor gate_up = at::randn({rows, 2 * 19});
    at::Tensor y = at::empty({rows, 19});
    const SwigluArgs<float> swiglu{
        gate_up.data_ptr<float>(), y.data_ptr<float>(), nullptr, nullptr, 19};
    set.table.f32.swiglu(swiglu, 0, rows);
    const auto parts = gate_up.chunk(2, 1);
    testing::expect_close(y, at::silu(parts[0]) * parts[1], 1e-6, set.name);
  }
}

HeadView<float> heads_of(const at::Tensor& x_BHTD) {
  return {x_BHTD.data_ptr<float>(), x_BHTD.stride(0), x_BHTD.stride(1), x_BHTD.stride(2)};
}

TEST(KernelsTest, InstructionSetsAgreeOnAttention) {
  const int64_t tokens = 211, width = 48, blocks = (tokens - 1) / kAttentionBlock + 1;
  const auto leaf = [&](int64_t heads) {
    return testing::random_tensor({1, heads, tokens, width}).set_requires_grad(true);
  };
  const at::Tensor q = leaf(2), k = leaf(1), v = leaf(1);
  const at::Tensor want = reference::causal_attention(q, k, v, {.scale = 0.2});
  const at::Tensor grad = at::randn(want.sizes());
  want.backward(grad);
  const auto by_head = [&](const at::Tensor& x) {
    return x.view({1, tokens, 2, width}).transpose(1, 2);
  };
  for (const Set& set : instruction_sets()) {
    if (!set.runs) continue;
    const at::Tensor out = at::empty(want.sizes()), log_total = at::empty({2, tokens});
    const at::Tensor dq = at::zeros(q.sizes()), dk = at::zeros(k.sizes()),
                     dv = at::zeros(v.sizes());
    at::Tensor scratch = at::empty({attention_scratch(2, width)});
    const AttentionArgs args{heads_of(q),
                             heads_of(k),
                             heads_of(v),
                             heads_of(by_head(out)),
                             heads_of(by_head(grad)),
                             heads_of(dq),
                             heads_of(dk),
                             heads_of(dv),
                             log_total.data_ptr<float>(),
                             tokens,
                             /*heads=*/2,
                             /*kv_heads=*/1,
                             width,
                             0.2f};
    const AttentionKernels& kernels = set.table.attention;
    for (int64_t i = 0; i < blocks; ++i)
      kernels.forward(args, {0, 0, i}, scratch.data_ptr<float>());
    for (int64_t i = 0; i < blocks; ++i)
      kernels.backward(args, {0, 0, i}, scratch.data_ptr<float>());
    testing::expect_close(out, want.detach(), 1e-5, set.name);
    testing::expect_close(dq, q.grad(), 1e-5, set.name);
    testing::expect_close(dk, k.grad(), 1e-5, set.name);
    testing::expect_close(dv, v.grad(), 1e-5, set.name);
  }
}

TEST(KernelsTest, BFloat16RoundsToNearestEven) {
  // Through the norm of rows of one: y = weight, whatever x > 0.
  at::Tensor weight = at::randn({1000});
  weight[0] = 1.00390625;  // between two bfloat16 numbers
  weight[1] = 1.01171875;
  for (const Set& set : instruction_sets()) {
    if (!set.runs) continue;
    const at::Tensor x = at::ones({1000}, at::kBFloat16);
    at::Tensor y = at::empty_like(x), rstd = at::empty({1});
    const NormForwardArgs<BFloat16Bits> args{pointer<BFloat16Bits>(x),
                                             nullptr,
                                             weight.data_ptr(),
                                             nullptr,
                                             pointer<BFloat16Bits>(y),
                                             rstd.data_ptr(),
                                             1000,
                                             0.0};
    set.table.bf16.rms_norm(args, 0, 1);
    EXPECT_TRUE(y.equal(weight.to(at::kBFloat16))) << set.name;
  }
}

}  // namespace
}  // namespace ropewalk::ops
