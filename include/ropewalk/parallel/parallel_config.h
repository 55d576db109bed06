// Section `parallel` of a run config: ranks, processes and what each computes with. Nothing here
// changes what is computed, beyond rounding.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

enum class DataParallelKind { kDdp, kZero1, kZero2, kFsdp };
enum class ReduceDtype { kFp32, kBf16 };
enum class ContextParallelMethod { kRing, kUlysses };
enum class Backend { kAuto, kGloo, kNccl };
enum class Recompute { kNone, kBlock, kSelective };

// Sharded kinds: in a flat buffer every parameter and every shard begins at a multiple of this many
// numbers, which is a border of 64 bytes in two-byte types too.
constexpr int64_t kShardAlignment = 32;
constexpr int64_t aligned_in_shard(int64_t count) {
  return (count + kShardAlignment - 1) / kShardAlignment * kShardAlignment;
}

constexpr auto enum_names(DataParallelKind) {
  return std::array{named(DataParallelKind::kDdp, "ddp"),
                    named(DataParallelKind::kZero1, "zero1"),
                    named(DataParallelKind::kZero2, "zero2"),
                    named(DataParallelKind::kFsdp, "fsdp")};
}
constexpr auto enum_names(ReduceDtype) {
  return std::array{named(ReduceDtype::kFp32, "fp32"), named(ReduceDtype::kBf16, "bf16")};
}
constexpr auto enum_names(ContextParallelMethod) {
  return std::array{named(ContextParallelMethod::kRing, "ring"),
                    named(ContextParallelMethod::kUlysses, "ulysses")};
}
constexpr auto enum_names(Backend) {
  return std::array{
      named(Backend::kAuto, "auto"), named(Backend::kGloo, "gloo"), named(Backend::kNccl, "nccl")};
}
constexpr auto enum_names(Recompute) {
  return std::array{named(Recompute::kNone, "none"),
                    named(Recompute::kBlock, "block"),
                    named(Recompute::kSelective, "selective")};
}

struct ParallelConfig {
  DataParallelKind data_parallel = DataParallelKind::kDdp;
  int64_t shard_size = 0;
  ReduceDtype reduce_dtype = ReduceDtype::kFp32;
  bool offload_optimizer = false;
  int64_t context_parallel = 1;
  ContextParallelMethod context_parallel_method = ContextParallelMethod::kRing;
  Backend backend = Backend::kAuto;
  Recompute recompute = Recompute::kNone;
  bool offload_block_inputs = false;
  int64_t bucket_mib = 25;
  int64_t timeout_s = 1800;
  bool tf32 = false;
  bool pin_memory = true;
  int64_t threads = 0;

  static constexpr auto fields() {
    using namespace rules;
    using P = ParallelConfig;
    return std::tuple{
        field(
            "data_parallel",
            &P::data_parallel,
            "What the ranks share. `ddp`: nothing, every rank holds all of the model's state; "
            "`zero1`: each holds its part of the optimizer's state and the fp32 weights; `zero2`: "
            "of the gradients too; `fsdp`: of the weights too, gathered a block at a time."),
        field("shard_size",
              &P::shard_size,
              "Ranks among which state is shared, replicated over groups of them (hybrid sharding; "
              "the ranks of one machine, say); 0 = all ranks.",
              non_negative),
        field("reduce_dtype",
              &P::reduce_dtype,
              "Type in which gradients are summed over the ranks; not for `ddp`."),
        field("offload_optimizer",
              &P::offload_optimizer,
              "CUDA: keep the optimizer's moments in host memory; they pass through the device at "
              "each update."),
        field(
            "context_parallel", &P::context_parallel, "Ranks that share each sequence.", positive),
        field("context_parallel_method",
              &P::context_parallel_method,
              "How attention spans the ranks of a sequence. `ring`: keys and values go round; "
              "`ulysses`: each rank takes some of the heads."),
        field("backend", &P::backend, "Collectives. `auto`: NCCL on GPUs, Gloo on CPUs."),
        field("recompute",
              &P::recompute,
              "`block`: keep only each block's input and compute the block again in the backward "
              "pass. Much less memory at long context for about a third more time. `selective`: "
              "keep what attention needs too and compute only the rest again."),
        field(
            "offload_block_inputs",
            &P::offload_block_inputs,
            "CUDA, with recompute `block`: keep the blocks' inputs in host memory until backward."),
        field("bucket_mib",
              &P::bucket_mib,
              "Size in MiB of the pieces in which gradients are exchanged while the backward pass "
              "runs.",
              positive),
        field("timeout_s",
              &P::timeout_s,
              "Seconds after which a collective that does not end fails the run.",
              positive,
              at_most(86400 * 7)),
        field("tf32", &P::tf32, "CUDA: let fp32 matrix products round their inputs to TF32."),
        field("pin_memory",
              &P::pin_memory,
              "CUDA: batches in page-locked memory, copied while the device computes."),
        field("threads",
              &P::threads,
              "CPU threads of one rank; 0 = this machine's cores shared among its ranks.",
              non_negative,
              at_most(4096)),
    };
  }
  void check(Diagnostics& d) const {
    const auto needs_shards = [&](const char* key, const std::string& found, bool wanted) {
      if (!wanted || data_parallel != DataParallelKind::kDdp) return;
      d.error(key,
              "found " + found +
                  ", which `ddp` has no use for: set data_parallel to zero1, zero2 or fsdp, or "
                  "leave " +
                  key + " out");
    };
    needs_shards("shard_size", std::to_string(shard_size), shard_size != 0);
    needs_shards("reduce_dtype", "bf16", reduce_dtype == ReduceDtype::kBf16);
    if (offload_block_inputs && recompute != Recompute::kBlock) {
      d.error("offload_block_inputs",
              "found true, but without recompute `block` no block's input is kept alone; set "
              "recompute to block, or leave offload_block_inputs out");
    }
  }
};

}  // namespace ropewalk
