// The kinds of data parallelism over groups that the caller can look into.
#pragma once

#include <memory>

#include "ropewalk/parallel/replicated.h"
#include "ropewalk/parallel/sharded.h"
#include "train/simulated_peers.h"

namespace ropewalk::simulated {

inline std::unique_ptr<parallel::DataParallel> make_data_parallel(
    const ParallelConfig& config,
    const Decoder& decoder,
    const std::shared_ptr<dist::Group>& world,
    const parallel::ShardGroups& shards) {
  if (config.data_parallel != DataParallelKind::kDdp) {
    const bool bf16 = config.reduce_dtype == ReduceDtype::kBf16;
    return std::make_unique<parallel::ShardedDataParallel>(
        parallel::sharded_units(decoder),
        shards,
        parallel::ShardedOptions{.kind = config.data_parallel,
                                 .reduce_type = bf16 ? at::kBFloat16 : at::kFloat});
  }
  return std::make_unique<parallel::ReplicatedDataParallel>(decoder.parameters_by_name(), world);
}

}  // namespace ropewalk::simulated
