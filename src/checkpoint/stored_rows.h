// The rows of a foreign tensor in our order, a few at a time: nothing else of the file is read.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "checkpoint/stored_tensor.h"

namespace ropewalk {

// Rows [begin, end) of ours, counted from the slice's first one -> [end - begin, columns] on the
// CPU: plain values in the type of the file, over the mapped bytes where that is possible;
// dequantised ones in fp32.
using ReadRows = std::function<at::Tensor(int64_t begin, int64_t end)>;

// Valid while the file is open.
ReadRows rows_of(const StoredTensor& source, const WeightSlice& slice);

}  // namespace ropewalk
