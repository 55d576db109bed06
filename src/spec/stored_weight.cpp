#include "ropewalk/spec/stored_weight.h"

namespace ropewalk {
namespace {

constexpr std::array kPackedDTypes = {DType::kU8};
constexpr std::array kFp8DTypes = {DType::kF8E4M3};
constexpr std::array kFp8ScaleDTypes = {DType::kF32, DType::kF16, DType::kBF16, DType::kF8E8M0};

int64_t num_blocks(int64_t size, int64_t block) { return (size - 1) / block + 1; }

// Experts whose input dimension, along which blocks lie, is stored before the output dimension.
bool fits_mxfp4(const WeightSlice& slice) {
  return slice.shape.size() == 3 && slice.transposed && slice.shape[1] % kMxfp4BlockValues == 0;
}

bool fits_fp8(const WeightSlice& slice) { return slice.shape.size() == 2 && !slice.transposed; }

StoredWeight mxfp4_weight(const WeightSlice& slice, const Quantization& quantization) {
  const std::vector<int64_t> scales = {
      slice.shape[0], slice.shape[2], slice.shape[1] / kMxfp4BlockValues};
  std::vector<int64_t> blocks = scales;
  blocks.push_back(kMxfp4BlockBytes);
  return {quantization,
          {{slice.foreign_name + "_blocks", blocks, kPackedDTypes},
           {slice.foreign_name + "_scales", scales, kPackedDTypes}}};
}

StoredWeight fp8_weight(const WeightSlice& slice, const Quantization& quantization) {
  const std::vector<int64_t> scales = {num_blocks(slice.shape[0], quantization.block_rows),
                                       num_blocks(slice.shape[1], quantization.block_columns)};
  return {quantization,
          {{slice.foreign_name, slice.shape, kFp8DTypes},
           {slice.foreign_name + "_scale_inv", scales, kFp8ScaleDTypes}}};
}

}  // namespace

StoredWeight find_stored_weight(const WeightSlice& slice,
                                const std::optional<Quantization>& quantization,
                                const ModelFiles& files) {
  const ModelTensor found = files.find(slice.foreign_name);
  if (quantization && quantization->method == QuantizationMethod::kMxfp4) {
    const bool packed = found.file == nullptr && (files.contains(slice.foreign_name + "_blocks") ||
                                                  files.contains(slice.foreign_name + "_scales"));
    if (packed && fits_mxfp4(slice)) return mxfp4_weight(slice, *quantization);
  }
  if (quantization && quantization->method == QuantizationMethod::kFp8) {
    const bool coded = found.file != nullptr && found.info->dtype == DType::kF8E4M3;
    if (coded && fits_fp8(slice)) return fp8_weight(slice, *quantization);
  }
  return {std::nullopt, {{slice.foreign_name, slice.shape, kWeightDTypes}}};
}

}  // namespace ropewalk
