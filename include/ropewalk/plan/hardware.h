// What machines can do, from their makers' public data; docs/planning.md shows the table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ropewalk/plan/run_shape.h"

namespace ropewalk::plan {

// Of one rank's device, dense, one direction. FLOP/s and bytes/s.
struct Hardware {
  std::string name;
  Device device = Device::kCuda;
  int64_t memory_bytes = 0;  // that a program can allocate; 0: as the machine has
  double bf16_flops = 0.0;
  double tf32_flops = 0.0;
  double fp32_flops = 0.0;
  double memory_bandwidth = 0.0;
  double link_bandwidth = 0.0;     // to a rank of the same machine
  double network_bandwidth = 0.0;  // to a rank of another machine
  double host_bandwidth = 0.0;     // to host memory
  int64_t ranks_per_machine = 8;
  std::string source;

  double flops(Precision precision, bool tf32) const;
};

const std::vector<Hardware>& hardware_table();
std::optional<Hardware> find_hardware(const std::string& name);
// The table's row `cpu` is of one core.
Hardware with_cores(Hardware one_core, int64_t cores);

}  // namespace ropewalk::plan
