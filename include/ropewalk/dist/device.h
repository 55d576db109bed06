// Which device a rank computes on. CUDA's half of torch comes with a module that is loaded here.
#pragma once

#include <ATen/ATen.h>

#include "ropewalk/dist/group.h"
#include "ropewalk/launch/rank_environment.h"

namespace ropewalk::dist {

// True where the driver of an NVIDIA GPU is present; loads nothing.
bool has_cuda_driver();

// GPUs that this build can compute on; 0 without a driver or without the CUDA module, which it
// loads.
int num_cuda_devices();

// CUDA device `local_rank` for NCCL and, where GPUs and the module are there, for kAuto; otherwise
// the CPU. Call it before anything else asks torch about CUDA: torch remembers the first answer.
// Throws ConfigError when NCCL is asked for but impossible, or when this machine has fewer GPUs
// than ranks.
at::Device choose_device(const RankEnvironment& environment, GroupBackend backend);

}  // namespace ropewalk::dist
