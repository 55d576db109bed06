// Parameters that are sent in one type, as one flat buffer cut into a shard for each rank.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ropewalk/parallel/sharded.h"

namespace ropewalk::parallel {

class FlatShard {
 public:
  // All parameters of one gathered type, all trained or all frozen.
  FlatShard(const std::vector<ShardedParameter>& parameters,
            const ShardGroups& groups,
            const ShardedOptions& options);

  bool trained() const { return shard_grad_.defined(); }
  // By the parameters' names, over live memory; trained ones with their gradient.
  const dist::NamedShardedTensors& tensors() const { return tensors_; }
  void broadcast_to_replicas();

  // Whole weights of the present shards; the parameters are views of them until release().
  void start_gather();
  void finish_gather();
  void release();

  // Takes the parameters' gradients; those that are not there are zero.
  void collect_gradients();
  // Adds what was collected, summed over the shard's ranks, to the shard's gradient.
  void start_reduce();
  void finish_reduce();
  // The shard's gradient summed over its replicas.
  void start_replica_sum();
  void finish_replica_sum();

 private:
  struct Member {
    at::Tensor parameter;
    int64_t offset = 0;
    int64_t padding = 0;  // elements after it that belong to nobody
  };

  void lay_out(const std::vector<ShardedParameter>& parameters);
  void take_over(const ShardedParameter& given, const Member& member);

  ShardGroups groups_;
  ShardedOptions options_;
  std::vector<Member> members_;
  int64_t shard_numel_ = 0;
  at::Tensor whole_;       // gathered type; without memory while released
  at::Tensor shard_;       // fp32; where whole weights are fp32 and kept, a part of them
  at::Tensor shard_grad_;  // fp32; undefined: frozen
  at::Tensor whole_grad_;  // collected, not reduced yet; undefined: nothing
  at::Tensor grad_part_;   // being reduced
  dist::Pending gathering_, reducing_, summing_;
  dist::NamedShardedTensors tensors_;
};

}  // namespace ropewalk::parallel
