// One of our tensors' rows as the foreign tensor that holds them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "ropewalk/dist/sharded_tensor.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {

// Elements of a row of ours.
int64_t row_numel(const dist::ShardedTensor& ours);
// What the slice takes of ours.
dist::ElementRange elements_of(const WeightSlice& slice, const dist::ShardedTensor& ours);

// `rows`: the slice's elements of ours. In the foreign tensor's shape and order; a view where the
// order is the same.
at::Tensor to_foreign(const at::Tensor& rows, const WeightSlice& slice);

// Calls `visit` with every foreign slice of every tensor, in the order of the map.
void for_each_slice(
    const std::vector<WeightEntry>& map,
    const dist::NamedShardedTensors& tensors,
    const std::function<void(const WeightSlice&, const dist::ShardedTensor&)>& visit);

}  // namespace ropewalk
