// Root-mean-square normalisation (Zhang and Sennrich, arXiv 1910.07467): y = x / rms(x) * weight
// over the last dimension. Statistics and products are in fp32 (double for double input), the
// result has the input's type.
#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

namespace ropewalk::ops {

// x [..., D], weight [D] fp32 (or x's type), undefined = none. Backward keeps x and one number per
// row.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

// sum = residual + delta, normed = rms_norm(sum), in one pass over memory: {normed, sum}.
std::tuple<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& residual,
                                                const at::Tensor& delta,
                                                const at::Tensor& weight,
                                                double eps);

}  // namespace ropewalk::ops
