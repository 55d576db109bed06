#include "checkpoint/dequantize.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ropewalk/base/errors.h"
#include "ropewalk/spec/quantization.h"

namespace ropewalk {
namespace {

constexpr std::array<float, 16> kFp4Values = {0.0f,
                                              0.5f,
                                              1.0f,
                                              1.5f,
                                              2.0f,
                                              3.0f,
                                              4.0f,
                                              6.0f,
                                              -0.0f,
                                              -0.5f,
                                              -1.0f,
                                              -1.5f,
                                              -2.0f,
                                              -3.0f,
                                              -4.0f,
                                              -6.0f};

const std::array<float, 256>& e8m0_values() {
  static const std::array<float, 256> values = [] {
    std::array<float, 256> all{};
    for (size_t code = 0; code < 255; ++code) {
      all[code] = std::ldexp(1.0f, static_cast<int>(code) - 127);
    }
    all[255] = std::numeric_limits<float>::quiet_NaN();
    return all;
  }();
  return values;
}

void unpack_block(const uint8_t* bytes, float scale, float* out) {
  for (int64_t i = 0; i < kMxfp4BlockBytes; ++i) {
    out[2 * i] = kFp4Values[bytes[i] & 0x0F] * scale;
    out[2 * i + 1] = kFp4Values[bytes[i] >> 4] * scale;
  }
}

}  // namespace

at::Tensor dequantize_mxfp4(const at::Tensor& blocks_NGB, const at::Tensor& scales_NG) {
  ROPEWALK_CHECK(blocks_NGB.scalar_type() == at::kByte && blocks_NGB.is_contiguous() &&
                     blocks_NGB.dim() == 3 && blocks_NGB.size(2) == kMxfp4BlockBytes,
                 "MXFP4 blocks are contiguous bytes [N, G, 16]");
  ROPEWALK_CHECK(scales_NG.scalar_type() == at::kByte && scales_NG.is_contiguous() &&
                     scales_NG.sizes() == blocks_NGB.sizes().slice(0, 2),
                 "MXFP4 has one scale for each block");
  at::Tensor out_NK = at::empty({blocks_NGB.size(0), blocks_NGB.size(1) * kMxfp4BlockValues},
                                at::TensorOptions().dtype(at::kFloat));
  const auto* blocks = blocks_NGB.const_data_ptr<uint8_t>();
  const auto* scales = scales_NG.const_data_ptr<uint8_t>();
  auto* out = out_NK.mutable_data_ptr<float>();
  const std::array<float, 256>& powers = e8m0_values();
  at::parallel_for(0, scales_NG.numel(), 1024, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      unpack_block(blocks + i * kMxfp4BlockBytes, powers[scales[i]], out + i * kMxfp4BlockValues);
    }
  });
  return out_NK;
}

at::Tensor dequantize_fp8(const at::Tensor& values_NK,
                          const at::Tensor& scales_NC,
                          int64_t block_columns) {
  const int64_t columns = values_NK.size(1);
  const at::Tensor scales_NK = scales_NC.to(at::kFloat)
                                   .repeat_interleave(std::min(block_columns, columns), -1)
                                   .slice(-1, 0, columns);
  return values_NK.to(at::kFloat).mul_(scales_NK);
}

}  // namespace ropewalk
