// Activations and gates, forward and backward, without autograd. Shared by the autograd functions.
#pragma once

#include <ATen/core/Tensor.h>

#include "ropewalk/ops/activation.h"

namespace ropewalk::ops::gates {

at::Tensor activate(const at::Tensor& x, Activation activation);
// Returns the gradient of x; with want_y, dy becomes the forward result.
at::Tensor activate_backward(const at::Tensor& x,
                             at::Tensor& dy,
                             Activation activation,
                             bool want_y);

// A gate on [..., 2F] -> [..., F].
struct Gate {
  Activation activation = Activation::kSilu;
  double alpha = 0.0;
  double limit = 0.0;  // > 0: clamped_swiglu(alpha, limit) instead of the activation
};
at::Tensor gated(const at::Tensor& gate_up, const Gate& gate);
// Returns the gradient of gate_up; with want_y, dy becomes the forward result.
at::Tensor gated_backward(const at::Tensor& gate_up, at::Tensor& dy, const Gate& gate, bool want_y);

}  // namespace ropewalk::ops::gates
