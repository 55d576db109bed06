// The definition of correct: every op in plain tensor code that autograd differentiates. Used by
// tests, and for what the kernels do not take.
#pragma once

#include <ATen/core/Tensor.h>

#include "ropewalk/ops/linear.h"
#include "ropewalk/ops/rotary.h"

namespace ropewalk::ops::reference {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);
at::Tensor swiglu(const at::Tensor& gate_up);
at::Tensor linear(const at::Tensor& x, const LinearWeights& w);
at::Tensor apply_rotary(const at::Tensor& x_BHTD,
                        const RotaryTables& tables,
                        int64_t first_position);
Heads split_rotary(const at::Tensor& qkv_BTE,
                   const HeadShape& shape,
                   const RotaryTables& tables,
                   int64_t first_position);
at::Tensor causal_attention(const at::Tensor& q_BHTD,
                            const at::Tensor& k_BHTD,
                            const at::Tensor& v_BHTD,
                            double scale);
at::Tensor linear_cross_entropy(const at::Tensor& hidden_ND,
                                const at::Tensor& weight_VD,
                                const at::Tensor& targets_N);

}  // namespace ropewalk::ops::reference
