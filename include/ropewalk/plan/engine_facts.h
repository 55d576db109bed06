// What the plan takes the engine to do, as numbers: change these when the engine changes.
// docs/plan_memory.md compares them with measured runs.
#pragma once

#include <cstdint>

namespace ropewalk::plan {

struct EngineFacts {
  // Sharded kinds: blocks whose gathered weights exist at once (the current and the next one).
  int64_t gathered_blocks = 2;
  // Flat buffers beside a block's gradients while they are reduced.
  int64_t reduce_buffers = 1;
  // Buckets of gradients that Gloo copies while it sums them.
  int64_t gloo_buckets = 1;
  // Ring attention: key-value blocks that are sent and received beside the rank's own.
  int64_t ring_blocks = 2;
  // `recompute: selective` keeps the sum that the MLP starts from instead of making it again.
  bool selective_keeps_middle = false;

  // The process before the model: libraries, thread pools, tables.
  int64_t cpu_runtime_bytes = int64_t{148} << 20;
  // CUDA's context, cuBLAS's workspace, NCCL's channels.
  int64_t cuda_runtime_bytes = int64_t{1200} << 20;
  // Lost between blocks: a part of what comes and goes (all but weights, gradients and moments),
  // and on CPUs what the cache of large tensors may keep beyond that.
  double cpu_slack = 0.02;
  double cuda_slack = 0.05;
  int64_t cpu_kept_bytes = int64_t{16} << 20;
};

}  // namespace ropewalk::plan
