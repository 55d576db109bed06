#include "ropewalk/plan/machine.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>

#include "ropewalk/base/text.h"

namespace ropewalk::plan {
namespace {

std::optional<int64_t> number_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  int64_t value = 0;
  if (in >> value) return value;
  return std::nullopt;  // absent, or "max"
}

std::optional<int64_t> meminfo_available(const std::filesystem::path& file) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    long long kib = 0;
    if (std::sscanf(line.c_str(), "MemAvailable: %lld kB", &kib) == 1) return kib * 1024;
  }
  return std::nullopt;
}

// Pages of files that the group holds can be given back.
int64_t reclaimable(const std::filesystem::path& stat) {
  std::ifstream in(stat);
  std::string key;
  for (int64_t value = 0; in >> key >> value;) {
    if (key == "inactive_file") return value;
  }
  return 0;
}

std::optional<int64_t> cgroup_available(const std::filesystem::path& folder) {
  const auto most = number_in(folder / "memory.max");
  const auto used = number_in(folder / "memory.current");
  if (!most || !used) return std::nullopt;
  return std::max<int64_t>(*most - *used + reclaimable(folder / "memory.stat"), 0);
}

struct Unit {
  const char* name;
  double bytes;
};
constexpr Unit kUnits[] = {{"", 1.0},
                           {"B", 1.0},
                           {"KiB", 1024.0},
                           {"MiB", 1048576.0},
                           {"GiB", 1073741824.0},
                           {"TiB", 1099511627776.0},
                           {"kB", 1e3},
                           {"MB", 1e6},
                           {"GB", 1e9},
                           {"TB", 1e12}};

}  // namespace

std::optional<int64_t> available_memory_bytes(const MachineFiles& files) {
  const auto machine = meminfo_available(files.meminfo);
  const auto group = cgroup_available(files.cgroup);
  if (!machine || !group) return machine ? machine : group;
  return std::min(*machine, *group);
}

std::optional<std::string> memory_warning(const MemoryPlan& plan,
                                          const RankMemory& memory,
                                          const std::string& run_config) {
  if (plan.peak_bytes() <= memory.bytes) return std::nullopt;
  return "memory: a rank is expected to need " +
         format_bytes(static_cast<uint64_t>(plan.peak_bytes())) + ", and has " +
         format_bytes(static_cast<uint64_t>(memory.bytes)) + " " + memory.of_what +
         "; the run may be killed. `ropewalk plan " + run_config +
         "` (with the run's --set) says what takes it and what would make it fit";
}

std::optional<int64_t> parse_bytes(const std::string& text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !(value > 0.0)) return std::nullopt;
  std::string unit(end, text.data() + text.size());
  if (!unit.empty() && unit.front() == ' ') unit.erase(0, 1);
  for (const Unit& known : kUnits) {
    if (unit != known.name) continue;
    const double bytes = value * known.bytes;
    if (bytes < 1.0 || bytes > 1e18) return std::nullopt;
    return std::llround(bytes);
  }
  return std::nullopt;
}

}  // namespace ropewalk::plan
