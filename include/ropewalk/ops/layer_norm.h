// Layer normalisation (Ba et al., arXiv 1607.06450) over the last dimension, and either norm over
// each head. Statistics in fp32 (double for double), the result has x's type.
#pragma once

#include <ATen/core/Tensor.h>

namespace ropewalk::ops {

// (x - mean) / sqrt(variance + eps) * weight + bias; x [..., D], weight and bias [D], each of which
// may be undefined. Backward keeps x and two numbers per row.
at::Tensor layer_norm(const at::Tensor& x,
                      const at::Tensor& weight,
                      const at::Tensor& bias,
                      double eps);

struct HeadNorm {
  at::Tensor weight;  // [Dh] for all heads, or [H, Dh]; undefined = none
  at::Tensor bias;    // the same
  double eps = 1e-6;
  bool centred = false;  // true: layer norm, false: root-mean-square norm
};

// Normalises each head's vector of x [B, T, H, Dh].
at::Tensor head_norm(const at::Tensor& x_BTHD, const HeadNorm& norm);

}  // namespace ropewalk::ops
