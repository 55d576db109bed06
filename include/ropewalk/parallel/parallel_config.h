// Section `parallel` of a run config: ranks, processes and what each computes with. Nothing here
// changes what is computed, beyond rounding.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

enum class DataParallelKind { kDdp };
enum class Backend { kAuto, kGloo, kNccl };
enum class Recompute { kNone, kBlock };

constexpr auto enum_names(DataParallelKind) {
  return std::array{named(DataParallelKind::kDdp, "ddp")};
}
constexpr auto enum_names(Backend) {
  return std::array{
      named(Backend::kAuto, "auto"), named(Backend::kGloo, "gloo"), named(Backend::kNccl, "nccl")};
}
constexpr auto enum_names(Recompute) {
  return std::array{named(Recompute::kNone, "none"), named(Recompute::kBlock, "block")};
}

struct ParallelConfig {
  DataParallelKind data_parallel = DataParallelKind::kDdp;
  Backend backend = Backend::kAuto;
  Recompute recompute = Recompute::kNone;
  int64_t bucket_mib = 25;
  int64_t timeout_s = 1800;
  bool tf32 = false;
  bool pin_memory = true;
  int64_t threads = 0;

  static constexpr auto fields() {
    using namespace rules;
    using P = ParallelConfig;
    return std::tuple{
        field("data_parallel",
              &P::data_parallel,
              "`ddp`: every rank holds the whole model; gradients are summed."),
        field("backend", &P::backend, "Collectives. `auto`: NCCL on GPUs, Gloo on CPUs."),
        field("recompute",
              &P::recompute,
              "`block`: keep only each block's input and compute the block again in the backward "
              "pass. Much less memory at long context for about a third more time."),
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
};

}  // namespace ropewalk
