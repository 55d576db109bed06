// What the front hands to the engine: the engine's place, the command line as typed, and variables
// that must be set before the engine's libraries start.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ropewalk::cli {

// libexec/ropewalk-engine beside the running program. Throws Error when the build has none.
std::filesystem::path engine_path();

// Cores that this process may run on; at least 1.
int num_usable_cores();

// Sets OMP_NUM_THREADS, unless the user did, to this process's share of the cores it may run on.
void set_thread_environment(int local_world_size);

// Replaces this process by the engine with the same arguments; `local_world_size` ranks share the
// machine's cores.
[[noreturn]] void exec_engine(std::vector<std::string> command_line, int local_world_size = 1);

}  // namespace ropewalk::cli
