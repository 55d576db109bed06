// A foreign tensor as a folder holds it, plain or quantised, and its way into memory. Quantised
// ones are worked out piece by piece (an expert, or a row of blocks), so that no second whole copy
// exists.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "ropewalk/formats/model_files.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/spec/quantization.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {

// Of tensors that check_weights found right.
struct StoredTensor {
  ModelTensor values;
  ModelTensor scales;                        // of quantised ones
  std::optional<Quantization> quantization;  // none: plain
};

// Copies the values into their rows of `ours`, converting the type, and gives the mapped pages
// back.
void copy_stored(const StoredTensor& source, const WeightSlice& slice, const at::Tensor& ours);

// The foreign tensor on the CPU: dequantised in `dtype`, or a view of plain values in their own
// type, to be read before the file goes away.
at::Tensor read_stored(const StoredTensor& source, const std::vector<int64_t>& shape, DType dtype);

}  // namespace ropewalk
