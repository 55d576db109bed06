// The definition of correct: every op in plain tensor code that autograd differentiates. Used by
// tests, and for what the kernels do not take.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "ropewalk/ops/attention.h"
#include "ropewalk/ops/experts.h"
#include "ropewalk/ops/layer_norm.h"
#include "ropewalk/ops/linear.h"
#include "ropewalk/ops/linear_cross_entropy.h"
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
                            const at::Tensor& v_BHTE,
                            const AttentionOptions& options);
at::Tensor linear_cross_entropy(const at::Tensor& hidden_ND,
                                const at::Tensor& weight_VD,
                                const at::Tensor& targets_N,
                                const LogitOptions& options = {});

at::Tensor layer_norm(const at::Tensor& x,
                      const at::Tensor& weight,
                      const at::Tensor& bias,
                      double eps);
at::Tensor head_norm(const at::Tensor& x_BTHD, const HeadNorm& norm);
at::Tensor activate(const at::Tensor& x, Activation activation);
at::Tensor gated(const at::Tensor& gate_up, Activation activation);
at::Tensor xielu(const at::Tensor& x, const XieluParameters& parameters);
at::Tensor clamped_swiglu(const at::Tensor& gate_up, double alpha, double limit);

// All experts for all tokens.
at::Tensor experts(const at::Tensor& x_ND,
                   const Routing& routing,
                   const ExpertWeights& weights,
                   const ExpertOptions& options);
// Over all layers' logits joined, with one-hot choices.
at::Tensor load_balancing_loss(const std::vector<at::Tensor>& logits_NE, int64_t top_k);

}  // namespace ropewalk::ops::reference
