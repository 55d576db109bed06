// Where an engine command computes, and with how many threads.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace ropewalk::cli {

// For commands of one process: the first GPU where there is one and this build has the CUDA module,
// else the CPU.
c10::Device choose_device();

// `threads` 0: this process's share of the cores it may run on. OMP_NUM_THREADS, when the user set
// it, wins over the share, not over a number given here.
void set_num_threads(int64_t threads, int local_world_size = 1);

}  // namespace ropewalk::cli
