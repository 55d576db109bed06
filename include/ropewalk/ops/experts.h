// Mixture of experts: every token goes through the K experts that a router (routers.h) chose for
// it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "ropewalk/ops/activation.h"

namespace ropewalk::ops {

// Choices of N tokens among E experts. A token's experts are distinct.
struct Routing {
  at::Tensor experts_NK;  // int64
  at::Tensor weights_NK;  // compute type or fp32, differentiable
};

// Stored in fp32, cast to the input's type at use. Rows of gate_up: the F of gate, then those of
// up.
struct ExpertWeights {
  at::Tensor gate_up;       // [E, 2F, D], or [E, F, D] when not gated
  at::Tensor gate_up_bias;  // [E, 2F] (or [E, F]), or undefined
  at::Tensor down;          // [E, D, F]
  at::Tensor down_bias;     // [E, D] or undefined
};

struct ExpertOptions {
  Activation activation = Activation::kSilu;
  bool gated = true;
  double clamp_limit = 0.0;    // > 0: clamped_swiglu with this limit and alpha 1.702 instead
  bool weight_before = false;  // multiply an expert's input rows instead of its output
};

// x [N, D] -> [N, D], the sum over a token's experts of weight * expert(x). Tokens are gathered per
// expert, so the work is that of K experts per token; the sums have a fixed order. Every weight
// gets a gradient, 0 for experts without tokens.
at::Tensor experts(const at::Tensor& x_ND,
                   const Routing& routing,
                   const ExpertWeights& weights,
                   const ExpertOptions& options);

}  // namespace ropewalk::ops
