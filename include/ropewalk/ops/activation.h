// Activations of the feed-forward layers. Computed in fp32 (double for double), the result has the
// input's type.
#pragma once

#include <ATen/core/Tensor.h>

namespace ropewalk::ops {

// kGelu is the exact one, kGeluTanh its usual approximation, kRelu2 the square of relu.
enum class Activation { kSilu, kGelu, kGeluTanh, kRelu, kRelu2 };

at::Tensor activate(const at::Tensor& x, Activation activation);

// activate(gate) * up; gate_up [..., 2F], columns = gate then up -> [..., F]. Backward keeps
// gate_up only.
at::Tensor gated(const at::Tensor& gate_up, Activation activation);

// xIELU (arXiv 2411.13010) with a = softplus(alpha_p) and b = beta + softplus(alpha_n):
// x > 0: a x^2 + beta x, else b (expm1(min(x, eps)) - x) + beta x. eps is a small negative number.
struct XieluParameters {
  // One number each. The alphas as stored: before softplus.
  at::Tensor alpha_p;
  at::Tensor alpha_n;
  at::Tensor beta;
  at::Tensor eps;
};
// Backward keeps x only; gradients for x, alpha_p and alpha_n.
at::Tensor xielu(const at::Tensor& x, const XieluParameters& parameters);

// (min(max(up, -limit), limit) + 1) * g * sigmoid(alpha * g) with g = min(gate, limit); gate_up
// [..., 2F], columns = gate then up. Backward keeps gate_up only.
at::Tensor clamped_swiglu(const at::Tensor& gate_up, double alpha, double limit);

}  // namespace ropewalk::ops
