// One of our tensors' rows as the foreign tensor that holds them, and back.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "ropewalk/spec/weight_map.h"

namespace ropewalk {

// Values of the slice's rows of `ours` in the foreign tensor's shape and order; a view where the
// order is the same.
at::Tensor to_foreign(const at::Tensor& ours, const WeightSlice& slice);
// Copies a foreign tensor into the slice's rows of `ours`, converting its type.
void from_foreign(const at::Tensor& foreign, const WeightSlice& slice, const at::Tensor& ours);

// The same for a foreign tensor that comes in pieces of its first dimension, in order.
class ForeignPieces {
 public:
  ForeignPieces(const WeightSlice& slice, const at::Tensor& ours);
  void append(const at::Tensor& piece);

 private:
  at::Tensor target_;  // the slice's rows of `ours`
  at::Tensor places_;  // by foreign row, its row of the target; undefined: the same order
  bool transposed_;
  int64_t next_ = 0;  // foreign row
};

}  // namespace ropewalk
