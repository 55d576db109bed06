#include "cli/engine/allocator.h"

#include <malloc.h>

#include <cstdlib>

namespace ropewalk::cli {
namespace {

constexpr int kMmapThresholdBytes = 1 << 30;
constexpr int kTrimThresholdBytes = 2'000'000'000;
constexpr int kTopPadBytes = 64 << 20;

// The user's own tuning stands.
void set_unless_in_environment(const char* variable, int parameter, int value) {
  if (std::getenv(variable) == nullptr) mallopt(parameter, value);
}

}  // namespace

void keep_freed_memory() {
  set_unless_in_environment("MALLOC_MMAP_THRESHOLD_", M_MMAP_THRESHOLD, kMmapThresholdBytes);
  set_unless_in_environment("MALLOC_TRIM_THRESHOLD_", M_TRIM_THRESHOLD, kTrimThresholdBytes);
  set_unless_in_environment("MALLOC_TOP_PAD_", M_TOP_PAD, kTopPadBytes);
}

}  // namespace ropewalk::cli
