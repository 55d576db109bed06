// A foreign tensor as a folder holds it, plain or quantised, and its way into memory, a piece at a
// time, so that no second whole copy exists.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "ropewalk/dist/sharded_tensor.h"
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

// Copies the values into their place of `ours` as far as this rank holds it, converting the type.
// Rows of the file that it does not hold are not read, and the mapped pages are given back: loading
// must not cost the size of the files on top of the tensors.
void copy_stored(const StoredTensor& source,
                 const WeightSlice& slice,
                 const dist::ShardedTensor& ours);

// The foreign tensor on the CPU: dequantised in `dtype`, or a view of plain values in their own
// type, to be read before the file goes away.
at::Tensor read_stored(const StoredTensor& source, const WeightSlice& slice, DType dtype);

}  // namespace ropewalk
