// One product per group of rows, each group with its own weight.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace ropewalk::ops {

// x [N, D] sorted by group: the first rows_per_group[0] rows belong to group 0, and so on. weight
// [E, O, D] and bias [E, O] (or undefined), stored in fp32 and cast at use -> [N, O]. The gradients
// of weight and bias are one tensor each, 0 for groups without rows.
at::Tensor grouped_linear(const at::Tensor& x_ND,
                          const at::Tensor& weight_EOD,
                          const at::Tensor& bias_EO,
                          const std::vector<int64_t>& rows_per_group);

}  // namespace ropewalk::ops
