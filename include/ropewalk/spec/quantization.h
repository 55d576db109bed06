// Weights that files hold in fewer bits than they are computed with. This concerns the files, not
// the model: tensors are dequantised as they are read, and what is written is plain.
#pragma once

#include <cstdint>
#include <string>

namespace ropewalk {

// T is the plain tensor's name.
enum class QuantizationMethod {
  // Of T [experts, in, out]. T_blocks U8 [experts, out, in / 32, 16] holds two codes in each byte,
  // the first in its low half; T_scales U8 [experts, out, in / 32]. Codes are FP4 E2M1, scales are
  // E8M0: OCP Microscaling Formats (MX) Specification v1.0.
  kMxfp4,
  // Of T [out, in]. T itself is F8_E4M3 (OCP 8-bit Floating Point Specification v1.0). T_scale_inv
  // [ceil(out / block_rows), ceil(in / block_columns)], F32, F16, BF16 or F8_E8M0, has one number
  // for each block, which multiplies it. The last blocks are cut where T ends.
  kFp8,
};

inline constexpr int64_t kMxfp4BlockValues = 32;
inline constexpr int64_t kMxfp4BlockBytes = 16;

// What config.json's quantization_config says of them. Which tensors are quantised, the files show.
struct Quantization {
  QuantizationMethod method = QuantizationMethod::kMxfp4;
  int64_t block_rows = 1;  // of values that share a scale
  int64_t block_columns = kMxfp4BlockValues;
};

// "MXFP4", "FP8 in blocks of 128 x 128"
std::string describe_quantization(const Quantization& quantization);

}  // namespace ropewalk
