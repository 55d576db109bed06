// The flat buffers of one unit, which are gathered, freed and reduced together.
#pragma once

#include <vector>

#include "parallel/flat_shard.h"

namespace ropewalk::parallel {

class ShardUnit {
 public:
  ShardUnit(const std::vector<ShardedParameter>& parameters,
            const ShardGroups& groups,
            const ShardedOptions& options);

  void append_tensors(dist::NamedShardedTensors& weights, dist::NamedShardedTensors& trained) const;
  void broadcast_to_replicas();

  // No-op while whole weights are there or under way.
  void start_gather();
  // Returns with whole weights.
  void use();
  // The next use gathers again; memory is freed where the kind does not keep it.
  void release();

  // Of the trained parameters; see FlatShard.
  void collect_gradients() { on_trained(&FlatShard::collect_gradients); }
  void start_reduce() { on_trained(&FlatShard::start_reduce); }
  void finish_reduce() { on_trained(&FlatShard::finish_reduce); }
  void start_replica_sum() { on_trained(&FlatShard::start_replica_sum); }
  void finish_replica_sum() { on_trained(&FlatShard::finish_replica_sum); }

 private:
  enum class Weights { kNone, kUnderWay, kWhole };

  void on_trained(void (FlatShard::*act)());

  std::vector<FlatShard> flats_;
  Weights weights_ = Weights::kNone;
};

}  // namespace ropewalk::parallel
