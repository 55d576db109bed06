// A tensor of which every rank of a group holds one range of elements, counted row by row: how
// optimizer and checkpoints see a parameter or a moment, whoever holds it. A tensor that each rank
// holds whole is the simplest case.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ropewalk/dist/group.h"

namespace ropewalk::dist {

// Elements [begin, end) of a tensor.
struct ElementRange {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t count() const { return end - begin; }
  bool operator==(const ElementRange&) const = default;
};

// Where a tensor lies in a flat buffer that is cut into equal shards, one for each rank.
struct FlatPlace {
  int64_t offset = 0;       // of its first element in the buffer
  int64_t shard_numel = 0;  // elements of one shard
};

// Which of a tensor's `numel` elements lie in a rank's shard.
ElementRange range_in_shard(const FlatPlace& place, int64_t numel, int rank);

class ShardedTensor {
 public:
  // The tensor itself, on every rank.
  explicit ShardedTensor(at::Tensor whole);
  // `local`: live values of this rank's range, one-dimensional; empty where the rank has none.
  // `group`: the ranks that hold the shards, in order.
  ShardedTensor(std::vector<int64_t> shape,
                FlatPlace place,
                at::Tensor local,
                std::shared_ptr<Group> group);

  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t numel() const { return numel_; }
  // Of this rank. Whole: in the tensor's shape. Shares memory with what it was made from.
  const at::Tensor& local() const { return local_; }
  ElementRange range() const;
  ElementRange range_of(int rank) const;
  bool is_whole() const { return group_ == nullptr; }
  // The ranks that hold the shards; null: whole.
  const std::shared_ptr<Group>& group() const { return group_; }

  // Other values in the same place: `local` has as many elements as this one's.
  ShardedTensor with_local(at::Tensor local) const;
  // The same, gathered through another group of the same ranks.
  ShardedTensor with_local(at::Tensor local, std::shared_ptr<Group> group) const;

  // All of it in its shape, on every rank of the group; a copy unless this rank holds it whole.
  // Collective within the group.
  at::Tensor gather() const;
  // The same for some of the elements; one-dimensional.
  at::Tensor gather(ElementRange part) const;

 private:
  std::vector<int64_t> shape_;
  int64_t numel_;
  FlatPlace place_;
  at::Tensor local_;
  std::shared_ptr<Group> group_;  // null: whole
};

using NamedShardedTensors = std::vector<std::pair<std::string, ShardedTensor>>;

NamedShardedTensors as_whole(const std::vector<std::pair<std::string, at::Tensor>>& tensors);

}  // namespace ropewalk::dist
