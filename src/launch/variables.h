// Reading of launchers' variables; private to launch.
#pragma once

#include <optional>
#include <string>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/launch/rank_environment.h"

namespace ropewalk {

class Variables {
 public:
  explicit Variables(const VariableLookup& lookup) : lookup_(lookup) {}
  bool has(const std::string& name) const { return lookup_(name).has_value(); }
  std::optional<std::string> text(const std::string& name) const { return lookup_(name); }
  // A whole number of at least `lowest`; a missing or malformed one is a fault and gives `lowest`.
  int number(const std::string& name, int lowest, Diagnostics& faults) const;

 private:
  const VariableLookup& lookup_;
};

struct MasterDefaults {
  std::string address;  // empty: MASTER_ADDR is required
  int port = 0;         // 0: MASTER_PORT is required
};

// Fills master_address and master_port from MASTER_ADDR and MASTER_PORT, else from the defaults.
void read_master(const Variables& variables,
                 RankEnvironment& found,
                 Diagnostics& faults,
                 const MasterDefaults& defaults = {});

// The same port on every machine of a job, below Linux's ephemeral range (32768 and above).
int port_of_job(const std::string& job);

// False in a batch script's own shell, which sees the allocation's variables but is no rank.
bool is_slurm_step(const Variables& variables);
RankEnvironment from_slurm(const Variables& variables, Diagnostics& faults);

}  // namespace ropewalk
