// What the plan takes the engine to do, as numbers: change these when the engine changes.
// docs/plan_memory.md compares them with measured runs.
#pragma once

#include <cstdint>

namespace ropewalk::plan {

struct EngineFacts {
  // Gloo reduce-scatters by summing a copy of the whole, and receives into a buffer as large as one
  // rank's part; NCCL takes neither.
  int64_t gloo_sum_copies = 1;
  int64_t gloo_sum_parts = 1;
  // `ddp`: buckets of gradients that Gloo copies while it sums them.
  int64_t gloo_buckets = 1;
  // `ddp` with several micro-steps: gradients that c10d's reducer leaves beside its buckets until
  // both are settled, in the first two steps.
  int64_t unsettled_gradients = 1;
  // Ring attention in backward: key-value blocks that are here and coming, and fp32 gradients of
  // such blocks that come, go and are made.
  int64_t ring_blocks = 2;
  int64_t ring_gradients = 3;
  // `recompute: selective` keeps the sum that the MLP starts from instead of making it again.
  bool selective_keeps_middle = false;

  // The process before the model: libraries, thread pools, tables.
  int64_t cpu_runtime_bytes = int64_t{148} << 20;
  int64_t cpu_bf16_runtime_bytes = int64_t{8} << 20;  // more of it, for products in bf16
  // CUDA's context, cuBLAS's workspace, NCCL's channels.
  int64_t cuda_runtime_bytes = int64_t{1200} << 20;
  // Lost between blocks: a part of what comes and goes (all but weights, gradients and moments),
  // and on CPUs what the cache of large tensors may keep beyond that.
  double cpu_slack = 0.02;
  double cuda_slack = 0.05;
  int64_t cpu_kept_bytes = int64_t{16} << 20;
  // Of sharded kinds, whose flat buffers come and go in more sizes: all that the cache may keep.
  int64_t cpu_kept_sharded_bytes = int64_t{32} << 20;
};

}  // namespace ropewalk::plan
