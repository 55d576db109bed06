#include "ropewalk/dist/sharded_tensor.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "ropewalk/base/errors.h"

namespace ropewalk::dist {

ElementRange range_in_shard(const FlatPlace& place, int64_t numel, int rank) {
  const int64_t shard_begin = rank * place.shard_numel - place.offset;
  const int64_t begin = std::clamp<int64_t>(shard_begin, 0, numel);
  return {begin, std::clamp<int64_t>(shard_begin + place.shard_numel, begin, numel)};
}

ShardedTensor::ShardedTensor(at::Tensor whole)
    : shape_(whole.sizes().vec()), numel_(whole.numel()), local_(std::move(whole)) {}

ShardedTensor::ShardedTensor(std::vector<int64_t> shape,
                             FlatPlace place,
                             at::Tensor local,
                             std::shared_ptr<Group> group)
    : shape_(std::move(shape)),
      numel_(c10::multiply_integers(shape_)),
      place_(place),
      local_(std::move(local)),
      group_(std::move(group)) {
  ROPEWALK_CHECK(local_.dim() == 1 && local_.numel() == range().count(),
                 "a shard has the elements of its range");
}

ElementRange ShardedTensor::range_of(int rank) const {
  if (is_whole()) return {0, numel_};
  return range_in_shard(place_, numel_, rank);
}

ElementRange ShardedTensor::range() const { return range_of(is_whole() ? 0 : group_->rank()); }

ShardedTensor ShardedTensor::with_local(at::Tensor local) const {
  ROPEWALK_CHECK(local.numel() == local_.numel(), "other values of a shard in another number");
  ShardedTensor other = *this;
  other.local_ = std::move(local);
  return other;
}

ShardedTensor ShardedTensor::with_local(at::Tensor local, std::shared_ptr<Group> group) const {
  ROPEWALK_CHECK(!is_whole() && group->rank() == group_->rank() && group->size() == group_->size(),
                 "a group that does not hold the shards");
  ShardedTensor other = with_local(std::move(local));
  other.group_ = std::move(group);
  return other;
}

at::Tensor ShardedTensor::gather() const {
  return is_whole() ? local_.detach() : gather({0, numel_}).view(shape_);
}

at::Tensor ShardedTensor::gather(ElementRange part) const {
  if (is_whole()) return local_.detach().view({-1}).slice(0, part.begin, part.end);
  at::Tensor gathered =
      at::empty({part.count()}, local_.options().requires_grad(false).device(group_->device()));
  for (int rank = 0; rank < group_->size(); ++rank) {
    const ElementRange range = range_of(rank);
    const int64_t begin = std::max(range.begin, part.begin);
    const int64_t end = std::min(range.end, part.end);
    if (begin >= end) continue;
    at::Tensor piece = gathered.slice(0, begin - part.begin, end - part.begin);
    if (rank == group_->rank()) {
      piece.copy_(local_.detach().slice(0, begin - range.begin, end - range.begin));
    }
    group_->broadcast(piece, rank);
  }
  return gathered;
}

NamedShardedTensors as_whole(const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  NamedShardedTensors whole;
  for (const auto& [name, tensor] : tensors) whole.emplace_back(name, ShardedTensor(tensor));
  return whole;
}

}  // namespace ropewalk::dist
