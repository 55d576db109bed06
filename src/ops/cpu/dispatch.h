// From tensors to the CPU kernels: which tensors they take, and the table for this processor.
#pragma once

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include "ops/cpu/kernels.h"

namespace ropewalk::ops {

// The table for the capability that ATen itself uses (so ATEN_CPU_CAPABILITY rules both).
const KernelTable& kernel_table();

// Whether the CPU kernels take this tensor; otherwise the composition of ATen ops is used.
inline bool has_kernels(const at::Tensor& x) {
  return x.device().is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble ||
                                 x.scalar_type() == at::kBFloat16);
}

template <typename T>
const Kernels<T>& kernels() {
  if constexpr (std::is_same_v<T, float>) {
    return kernel_table().f32;
  } else if constexpr (std::is_same_v<T, double>) {
    return kernel_table().f64;
  } else {
    return kernel_table().bf16;
  }
}

// body(T{}) with T the kernels' storage type of x.
template <typename Body>
void with_kernel_type(const at::Tensor& x, Body body) {
  if (x.scalar_type() == at::kFloat) {
    body(float{});
  } else if (x.scalar_type() == at::kDouble) {
    body(double{});
  } else {
    body(BFloat16Bits{});
  }
}

// Null for an undefined tensor. The tensor must be contiguous.
template <typename T>
T* pointer(const at::Tensor& x) {
  return x.defined() ? static_cast<T*>(x.data_ptr()) : nullptr;
}

// Rows per task: enough elements to outweigh the hand-over to a thread.
inline int64_t row_grain(int64_t elements_per_row) {
  return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, elements_per_row));
}

}  // namespace ropewalk::ops
