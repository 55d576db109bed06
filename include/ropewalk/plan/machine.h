// The memory of this machine, and whether a run will fit it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "ropewalk/plan/memory.h"

namespace ropewalk::plan {

struct MachineFiles {
  std::filesystem::path meminfo = "/proc/meminfo";
  std::filesystem::path cgroup = "/sys/fs/cgroup";  // version 2, of this process's container
};

// Bytes that new processes can still take: what the kernel calls available, or what the control
// group leaves, whichever is less. Nothing where neither can be read.
std::optional<int64_t> available_memory_bytes(const MachineFiles& files = {});

struct RankMemory {
  int64_t bytes = 0;    // that one rank can have
  std::string of_what;  // "of this machine's memory, shared by 4 ranks"
};

// One line for the log when a rank's peak is beyond that, else nothing.
std::optional<std::string> memory_warning(const MemoryPlan& plan,
                                          const RankMemory& memory,
                                          const std::string& run_config);

// "80GiB", "80 GB", "81920MiB", plain bytes. Nothing when it is none of these.
std::optional<int64_t> parse_bytes(const std::string& text);

}  // namespace ropewalk::plan
