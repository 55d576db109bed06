// Rows of a table by token.
#pragma once

#include <ATen/core/Tensor.h>

namespace ropewalk::ops {

// weight [V, D], tokens [...] int64 -> [..., D] in `type`. The gradient of a row is summed over its
// tokens in fp32 (double for double), also when weight and `type` are bf16: a sum of thousands of
// small addends would stand still there.
at::Tensor embedding(const at::Tensor& weight_VD, const at::Tensor& tokens, at::ScalarType type);

}  // namespace ropewalk::ops
