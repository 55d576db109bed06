// What bit-for-bit continuation depends on besides the state itself.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/base/json.h"

namespace ropewalk {

// {"ranks", "threads", "cpu_capability", "device", "version", "binary"}: binary is a hash of the
// running program.
Json describe_environment(int num_ranks, const std::string& device);

// One text per difference ("threads: 2 when saved, 1 now"); empty when equal.
std::vector<std::string> environment_differences(const Json& saved, const Json& now);

}  // namespace ropewalk
