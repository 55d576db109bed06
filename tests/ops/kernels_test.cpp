#include "ops/cpu/kernels.h"

#include "ops/checks.h"
#include "ops/cpu/dispatch.h"

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
