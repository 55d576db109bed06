#include "cli/engine/device.h"

#include <ATen/Parallel.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>

#include "ropewalk/dist/device.h"

namespace ropewalk::cli {
namespace {

int num_usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return 1;
  return std::max(1, CPU_COUNT(&cores));
}

}  // namespace

c10::Device choose_device() {
  return dist::choose_device(RankEnvironment{}, dist::GroupBackend::kAuto);
}

void set_num_threads(int64_t threads, int local_world_size) {
  if (threads == 0 && std::getenv("OMP_NUM_THREADS") != nullptr) return;
  const int share = std::max(1, num_usable_cores() / std::max(1, local_world_size));
  at::set_num_threads(threads == 0 ? share : static_cast<int>(threads));
}

}  // namespace ropewalk::cli
