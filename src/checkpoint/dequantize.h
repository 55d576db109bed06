// Values of quantised tensors, in fp32.
//   N: rows; G: groups of 32 columns; B: 16 bytes; K: columns; C: blocks of columns
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ropewalk {

// blocks U8 [N, G, 16], scales U8 [N, G], both contiguous -> fp32 [N, 32 G]. Each byte holds two
// FP4 E2M1 codes, the first in its low half; a scale is E8M0, 2^(code - 127), and its code 255
// makes all of its block NaN (OCP Microscaling Formats Specification v1.0). Results are exact in
// fp32 and in bf16; only 4 and 6 under the scales 2^126 and 2^127, and 2 and 3 under 2^127, become
// infinite.
at::Tensor dequantize_mxfp4(const at::Tensor& blocks_NGB, const at::Tensor& scales_NG);

// Values F8_E4M3 [N, K], scales of each row [N, ceil(K / block_columns)], or of all of them
// [ceil(K / block_columns)], of any floating type -> fp32 [N, K], the product of both in fp32. E4M3
// has no infinities; its codes 0x7F and 0xFF are NaN (OCP 8-bit Floating Point Specification v1.0)
// and stay NaN, as does all that an E8M0 scale of code 255 multiplies.
at::Tensor dequantize_fp8(const at::Tensor& values_NK,
                          const at::Tensor& scales_NC,
                          int64_t block_columns);

}  // namespace ropewalk
