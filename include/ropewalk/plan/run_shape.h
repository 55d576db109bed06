// What of a training run decides its memory and its time, beside the model.
#pragma once

#include <cstdint>

#include "ropewalk/parallel/parallel_config.h"
#include "ropewalk/train/train_config.h"

namespace ropewalk::plan {

enum class Device { kCpu, kCuda };

struct RunShape {
  int64_t ranks = 1;
  int64_t sequence_length = 0;
  int64_t global_batch_size = 1;  // sequences per optimizer step
  int64_t micro_batch_size = 1;   // sequences that the ranks of one sequence compute at a time
  int64_t loss_chunk_tokens = 1024;
  Precision precision = Precision::kFp32;
  bool separate_documents = false;  // attention within documents: data.packing `packed`
  bool async_save = false;          // checkpoints are written in the background
  double trained_share = 1.0;       // of the parameters; the others are frozen
  Device device = Device::kCpu;
  int64_t ranks_per_machine = 8;
  ParallelConfig parallel;

  // Bytes of a number in forward and backward.
  int64_t compute_bytes() const { return precision == Precision::kBf16 ? 2 : 4; }
  // Of a gradient on its way to the ranks that share it, in sharded kinds.
  int64_t reduce_bytes() const { return parallel.reduce_dtype == ReduceDtype::kBf16 ? 2 : 4; }
  bool is_sharded() const { return parallel.data_parallel != DataParallelKind::kDdp; }
  // Ranks that share one copy of the optimizer's state.
  int64_t shard_ranks() const {
    if (!is_sharded()) return 1;
    return parallel.shard_size > 0 ? parallel.shard_size : ranks;
  }
  // Groups of ranks that compute different sequences.
  int64_t data_ranks() const { return ranks / parallel.context_parallel; }
  // Both go through a GPU only.
  bool offloads_inputs() const {
    return device == Device::kCuda && parallel.offload_block_inputs &&
           parallel.recompute == Recompute::kBlock;
  }
  bool offloads_optimizer() const { return device == Device::kCuda && parallel.offload_optimizer; }
  int64_t micro_steps() const { return global_batch_size / (micro_batch_size * data_ranks()); }
  // Tokens that one rank computes at a time; more than kMostTokens, which fit nowhere, count as
  // that many, so that their bytes can be counted.
  static constexpr int64_t kMostTokens = int64_t{1} << 34;
  int64_t tokens() const {
    if (micro_batch_size > kMostTokens / sequence_length) return kMostTokens;
    return micro_batch_size * sequence_length / parallel.context_parallel;
  }
};

// Whether a run accepts these settings: sizes divide, and the settings go together. What is wrong
// is told by the checks of settings/run_config.h.
bool is_possible(const RunShape& shape, int64_t num_heads);

}  // namespace ropewalk::plan
