// Products with a weight that is stored in fp32 and cast to the input's type at use, fused with the
// cheap elementwise op beside them so that backward need not keep that op's result.
// Weights are [out, in]; inputs [..., in]; an undefined bias means none. A weight with a low-rank
// update acts as W + scale B A; the fused ops then keep their product's input as well.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <tuple>

#include "ropewalk/ops/activation.h"
#include "ropewalk/ops/low_rank.h"

namespace ropewalk::ops {

struct LinearWeights {
  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out] or undefined
  std::shared_ptr<const LowRank> update = nullptr;
};

at::Tensor linear(const at::Tensor& x, const LinearWeights& w);

// residual + linear(x): backward keeps x only.
at::Tensor linear_add(const at::Tensor& residual, const at::Tensor& x, const LinearWeights& w);

// {linear(rms_norm(x, norm_weight, eps)), x}. Backward keeps x and one number per row and makes the
// normalised rows again. The second value is x for the residual path: taking it from here lets both
// gradients of x be summed in the same pass.
std::tuple<at::Tensor, at::Tensor> norm_linear(const at::Tensor& x,
                                               const at::Tensor& norm_weight,
                                               double eps,
                                               const LinearWeights& w);

// residual + linear(swiglu(gate_up)): backward keeps gate_up only.
at::Tensor swiglu_linear_add(const at::Tensor& residual,
                             const at::Tensor& gate_up,
                             const LinearWeights& w);

// residual + linear(gated(gate_up, activation)): backward keeps gate_up only. Without residual
// (undefined) just the product.
at::Tensor gated_linear_add(const at::Tensor& residual,
                            const at::Tensor& gate_up,
                            Activation activation,
                            const LinearWeights& w);

// residual + linear(activate(x, activation)): backward keeps x only. residual may be undefined.
at::Tensor activated_linear_add(const at::Tensor& residual,
                                const at::Tensor& x,
                                Activation activation,
                                const LinearWeights& w);

}  // namespace ropewalk::ops
