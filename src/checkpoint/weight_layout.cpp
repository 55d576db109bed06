#include "checkpoint/weight_layout.h"

#include <ATen/ATen.h>

#include <unordered_map>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

std::vector<int64_t> swapped(std::vector<int64_t> shape) {
  std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  return shape;
}

}  // namespace

int64_t row_numel(const dist::ShardedTensor& ours) { return ours.numel() / ours.shape().front(); }

dist::ElementRange elements_of(const WeightSlice& slice, const dist::ShardedTensor& ours) {
  return {slice.row_begin * row_numel(ours), slice.row_end * row_numel(ours)};
}

at::Tensor to_foreign(const at::Tensor& rows, const WeightSlice& slice) {
  at::Tensor ordered = rows.detach().view({slice.row_end - slice.row_begin, -1});
  if (!slice.rows.empty()) {
    const at::Tensor places = at::tensor(slice.rows, at::kLong).to(rows.device());
    ordered = at::empty_like(ordered).index_copy_(0, places, ordered);
  }
  if (slice.transposed) return ordered.reshape(swapped(slice.shape)).transpose(-1, -2);
  return ordered.reshape(slice.shape);
}

void for_each_slice(
    const std::vector<WeightEntry>& map,
    const dist::NamedShardedTensors& tensors,
    const std::function<void(const WeightSlice&, const dist::ShardedTensor&)>& visit) {
  std::unordered_map<std::string, const dist::ShardedTensor*> by_name;
  for (const auto& [name, tensor] : tensors) by_name.emplace(name, &tensor);
  for (const WeightEntry& entry : map) {
    const auto found = by_name.find(entry.name);
    if (found == by_name.end()) continue;
    ROPEWALK_CHECK(found->second->shape() == entry.shape,
                   "tensor is not shaped like its parameter: " + entry.name);
    for (const WeightSlice& slice : entry.slices) visit(slice, *found->second);
    by_name.erase(found);
  }
  ROPEWALK_CHECK(by_name.empty(), "a tensor belongs to no parameter of the weight map");
}

}  // namespace ropewalk
