#include "parallel/shard_unit.h"

#include <map>
#include <utility>

namespace ropewalk::parallel {

ShardUnit::ShardUnit(const std::vector<ShardedParameter>& parameters,
                     const ShardGroups& groups,
                     const ShardedOptions& options) {
  std::map<std::pair<at::ScalarType, bool>, std::vector<ShardedParameter>> kinds;
  for (const ShardedParameter& given : parameters) {
    kinds[{given.gathered_type, given.parameter.requires_grad()}].push_back(given);
  }
  for (const auto& [kind, members] : kinds) {
    flats_.emplace_back(members, groups, options);
  }
}

void ShardUnit::append_tensors(dist::NamedShardedTensors& weights,
                               dist::NamedShardedTensors& trained) const {
  for (const FlatShard& flat : flats_) {
    weights.insert(weights.end(), flat.tensors().begin(), flat.tensors().end());
    if (flat.trained()) trained.insert(trained.end(), flat.tensors().begin(), flat.tensors().end());
  }
}

void ShardUnit::broadcast_to_replicas() {
  for (FlatShard& flat : flats_) flat.broadcast_to_replicas();
}

void ShardUnit::start_gather() {
  if (weights_ != Weights::kNone) return;
  for (FlatShard& flat : flats_) flat.start_gather();
  weights_ = Weights::kUnderWay;
}

void ShardUnit::use() {
  start_gather();
  if (weights_ == Weights::kWhole) return;
  for (FlatShard& flat : flats_) flat.finish_gather();
  weights_ = Weights::kWhole;
}

void ShardUnit::release() {
  if (weights_ == Weights::kUnderWay) use();
  for (FlatShard& flat : flats_) flat.release();
  weights_ = Weights::kNone;
}

void ShardUnit::on_trained(void (FlatShard::*act)()) {
  for (FlatShard& flat : flats_) {
    if (flat.trained()) (flat.*act)();
  }
}

}  // namespace ropewalk::parallel
