#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace ropewalk {

// Peak memory of this process so far, in bytes: the resident set on a CPU, what the allocator has
// handed out on a CUDA device.
int64_t peak_memory_bytes(c10::Device device);

}  // namespace ropewalk
