// Which tensors of a model folder stand for one foreign tensor of the weight map. The check of a
// folder and the reader of its values both ask here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ropewalk/formats/model_files.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/spec/quantization.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {

// The types that plain weights are read from.
inline constexpr std::array kWeightDTypes = {DType::kF64, DType::kF32, DType::kF16, DType::kBF16};

struct StoredPart {
  std::string name;
  std::vector<int64_t> shape;
  std::span<const DType> dtypes;  // it may have any of these; static storage
};

struct StoredWeight {
  std::optional<Quantization> quantization;  // none: the tensor itself, plain
  std::vector<StoredPart> parts;             // the values; then, of quantised ones, their scales
};

// Told by what is in `files`, where `quantization` allows it: MXFP4 where T is absent and T_blocks
// or T_scales is there, FP8 where T is F8_E4M3; else plain. The parts are what has to be there:
// whether they are, and of which shape and type, is the caller's to check.
StoredWeight find_stored_weight(const WeightSlice& slice,
                                const std::optional<Quantization>& quantization,
                                const ModelFiles& files);

}  // namespace ropewalk
