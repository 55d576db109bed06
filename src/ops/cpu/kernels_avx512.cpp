// The kernels for AVX512. Nothing but the C library may be included before the target is set:
// inline functions of other headers would be compiled for it and could be linked elsewhere.
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ops/cpu/kernels.h"

#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math")
#pragma GCC diagnostic ignored "-Wpsabi"
#define ROPEWALK_SIMD_BYTES 64

namespace ropewalk::ops {
namespace {
#include "ops/cpu/simd.inc"
// simd.inc defines the vectors that kernels.inc is written in.
#include "ops/cpu/attention.inc"
#include "ops/cpu/kernels.inc"
}  // namespace

const KernelTable& kernel_table_avx512() {
  static constexpr KernelTable table{make_kernels<float>(),
                                     make_kernels<double>(),
                                     make_kernels<BFloat16Bits>(),
                                     {attention, attention_backward}};
  return table;
}

}  // namespace ropewalk::ops
