// Causal attention by the CPU kernels, differentiable.
#pragma once

#include <ATen/core/Tensor.h>

namespace ropewalk::ops::cpu {

// Whether the kernels take these: float on the CPU, as many keys as queries, heads of whole
// vectors.
bool takes_causal_attention(const at::Tensor& q_BHTD, const at::Tensor& k_BHTD);

// As ops::causal_attention. The same bits for a given number of threads; memory beyond inputs,
// output and gradients does not grow with the sequence.
at::Tensor causal_attention(const at::Tensor& q_BHTD,
                            const at::Tensor& k_BHTD,
                            const at::Tensor& v_BHTD,
                            double scale);

}  // namespace ropewalk::ops::cpu
