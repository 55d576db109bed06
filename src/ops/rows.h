// The elementwise halves of the ops, forward and backward, without autograd: the CPU kernels where
// they take the tensors, else the same formulas in ATen ops. Shared by the autograd functions.
#pragma once

#ifndef _OPENMP
#error "without -fopenmp at::parallel_for is a plain loop"
#endif

#include <ATen/core/Tensor.h>

#include "ropewalk/ops/rotary.h"

namespace ropewalk::ops::rows {

struct NormForward {
  at::Tensor y, sum, rstd;  // sum is undefined without delta
};
NormForward rms_norm(const at::Tensor& x,
                     const at::Tensor& delta,
                     const at::Tensor& weight,
                     double eps);

struct NormBackward {
  at::Tensor dx, normed, weight_grad;
};
struct NormBackwardInputs {
  at::Tensor x, weight, rstd, dy;
  at::Tensor residual_grad;  // added to dx; may be undefined
  // May overwrite dy, which becomes `normed`.
  bool want_normed = false;
  bool want_weight_grad = true;
};
NormBackward rms_norm_backward(const NormBackwardInputs& in);

at::Tensor swiglu(const at::Tensor& gate_up);
// Returns the gradient of gate_up; with want_y, dy is overwritten by the forward result.
at::Tensor swiglu_backward(const at::Tensor& gate_up, at::Tensor& dy, bool want_y);

Heads split_rotary(const at::Tensor& qkv_BTE,
                   const HeadShape& shape,
                   const RotaryTables& tables,
                   int64_t first_position);
at::Tensor split_rotary_backward(const Heads& grads,
                                 const HeadShape& shape,
                                 const RotaryTables& tables,
                                 int64_t first_position);

// Rows of logits -> nll (fp32 [N]); with `gradient`, logits become softmax - onehot.
at::Tensor cross_entropy(at::Tensor& logits_NV, const at::Tensor& targets_N, bool gradient);

}  // namespace ropewalk::ops::rows
