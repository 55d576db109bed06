#pragma once

#include <string>

#include "cli/options/launch_options.h"

namespace ropewalk::cli {

// `launch`: reads everything, so that each mistake is told before a machine waits for another, and
// starts this machine's ranks. Returns the exit code that all machines have in common.
int launch_nodes(const LaunchOptions& options, const std::string& program);

}  // namespace ropewalk::cli
