#include "train/make_data_parallel.h"

#include "ropewalk/parallel/replicated.h"
#include "ropewalk/parallel/sharded.h"

namespace ropewalk {

std::unique_ptr<parallel::DataParallel> make_data_parallel(
    const ParallelConfig& config,
    const Decoder& decoder,
    const std::shared_ptr<dist::Group>& group) {
  if (config.data_parallel == DataParallelKind::kDdp) {
    return std::make_unique<parallel::ReplicatedDataParallel>(
        decoder.parameters_by_name(),
        group,
        parallel::ReplicatedOptions{.bucket_mib = static_cast<double>(config.bucket_mib)});
  }
  const bool bf16 = config.reduce_dtype == ReduceDtype::kBf16;
  return std::make_unique<parallel::ShardedDataParallel>(
      parallel::sharded_units(decoder),
      parallel::make_shard_groups(group, config.shard_size),
      parallel::ShardedOptions{.kind = config.data_parallel,
                               .reduce_type = bf16 ? at::kBFloat16 : at::kFloat});
}

}  // namespace ropewalk
