#include "ropewalk/launch/rank_environment.h"

#include <cstdlib>

#include "launch/variables.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.rfind("127.", 0) == 0;
}

void check_consistent(const RankEnvironment& found, Diagnostics& faults) {
  const auto outside = [&](const char* what, int value, int size, const char* of) {
    if (value >= size) {
      faults.error(what,
                   "found " + std::to_string(value) + ", expected less than " + of + " " +
                       std::to_string(size));
    }
  };
  outside("rank", found.rank, found.world_size, "the world size");
  outside("local rank", found.local_rank, found.local_world_size, "the local world size");
  if (found.local_world_size > found.world_size) {
    faults.error("local world size",
                 "found " + std::to_string(found.local_world_size) +
                     ", expected at most the world size " + std::to_string(found.world_size));
  }
  // The agents have met at their address: whoever tries several of them on one machine may.
  const bool met = found.launcher == "ropewalk";
  if (found.several_machines() && is_loopback(found.master_address) && !met) {
    faults.error("MASTER_ADDR",
                 "found " + found.master_address +
                     ", which other machines cannot reach; set it to an address of "
                     "the machine of rank 0");
  }
}

RankEnvironment from_agent(const Variables& variables, Diagnostics& faults) {
  RankEnvironment found;
  found.launcher = "ropewalk";
  found.rank = variables.number("ROPEWALK_RANK", 0, faults);
  found.world_size = variables.number("ROPEWALK_WORLD_SIZE", 1, faults);
  if (variables.has("ROPEWALK_LOCAL_RANK") || variables.has("ROPEWALK_LOCAL_WORLD_SIZE")) {
    found.local_rank = variables.number("ROPEWALK_LOCAL_RANK", 0, faults);
    found.local_world_size = variables.number("ROPEWALK_LOCAL_WORLD_SIZE", 1, faults);
  } else {
    found.local_rank = found.rank;
    found.local_world_size = found.world_size;
  }
  found.master_address = variables.text("ROPEWALK_STORE_ADDRESS").value_or("127.0.0.1");
  found.master_port = variables.number("ROPEWALK_STORE_PORT", 1, faults);
  found.bind_address = variables.text("ROPEWALK_BIND_ADDRESS").value_or("");
  found.nonce = variables.text("ROPEWALK_JOB_NONCE").value_or("");
  if (variables.has("ROPEWALK_JOB_BEGUN")) {
    found.job_begun_s = variables.number("ROPEWALK_JOB_BEGUN", 0, faults);
  }
  if (variables.has("ROPEWALK_STORE_FD")) {
    found.store_fd = variables.number("ROPEWALK_STORE_FD", 3, faults);
  }
  return found;
}

// The variables of torch.distributed's `env://`, set by torchrun or by hand.
RankEnvironment from_torchrun(const Variables& variables, Diagnostics& faults) {
  RankEnvironment found;
  found.launcher = "torchrun";
  found.rank = variables.number("RANK", 0, faults);
  found.world_size = variables.number("WORLD_SIZE", 1, faults);
  read_master(variables, found, faults);
  if (variables.has("LOCAL_RANK") || variables.has("LOCAL_WORLD_SIZE")) {
    found.local_rank = variables.number("LOCAL_RANK", 0, faults);
    found.local_world_size = variables.number("LOCAL_WORLD_SIZE", 1, faults);
  } else if (found.world_size == 1 || is_loopback(found.master_address)) {
    found.local_rank = found.rank;
    found.local_world_size = found.world_size;
  } else {
    faults.error("LOCAL_RANK, LOCAL_WORLD_SIZE",
                 "missing; set them to this rank's number among the ranks of its machine and to "
                 "their count");
  }
  // torchrun's agent keeps one store through restarts; attempts are told apart by a prefix.
  if (variables.text("TORCHELASTIC_USE_AGENT_STORE").value_or("") == "True") {
    found.store_is_served = true;
    const std::string attempt = variables.text("TORCHELASTIC_RESTART_COUNT").value_or("0");
    found.store_prefix = "/worker/attempt_" + attempt;
  }
  return found;
}

struct MpiNames {
  const char* launcher;
  const char* rank;
  const char* size;
  const char* local_rank;
  const char* local_size;
  const char* job;  // identifies the job: its hash chooses the port
};

constexpr MpiNames kOpenMpi = {"Open MPI",
                               "OMPI_COMM_WORLD_RANK",
                               "OMPI_COMM_WORLD_SIZE",
                               "OMPI_COMM_WORLD_LOCAL_RANK",
                               "OMPI_COMM_WORLD_LOCAL_SIZE",
                               "PMIX_NAMESPACE"};
constexpr MpiNames kMpich = {
    "MPICH", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", "PMI_JOBID"};

RankEnvironment from_mpi(const MpiNames& names, const Variables& variables, Diagnostics& faults) {
  RankEnvironment found;
  found.launcher = names.launcher;
  found.rank = variables.number(names.rank, 0, faults);
  found.world_size = variables.number(names.size, 1, faults);
  found.local_rank = variables.number(names.local_rank, 0, faults);
  found.local_world_size = variables.number(names.local_size, 1, faults);
  if (found.single()) return found;
  MasterDefaults defaults;
  if (!found.several_machines()) defaults.address = "127.0.0.1";
  if (const auto job = variables.text(names.job)) defaults.port = port_of_job(*job);
  read_master(variables, found, faults, defaults);
  return found;
}

std::optional<RankEnvironment> read_any(const Variables& variables, Diagnostics& faults) {
  const auto any = [&](std::initializer_list<const char*> names) {
    for (const char* name : names) {
      if (variables.has(name)) return true;
    }
    return false;
  };
  if (any({"ROPEWALK_RANK", "ROPEWALK_WORLD_SIZE"})) return from_agent(variables, faults);
  if (any({"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"})) {
    return from_torchrun(variables, faults);
  }
  for (const MpiNames& names : {kOpenMpi, kMpich}) {
    if (any({names.rank, names.size})) return from_mpi(names, variables, faults);
  }
  if (is_slurm_step(variables)) return from_slurm(variables, faults);
  return std::nullopt;
}

}  // namespace

void read_master(const Variables& variables,
                 RankEnvironment& found,
                 Diagnostics& faults,
                 const MasterDefaults& defaults) {
  if (found.single() && !variables.has("MASTER_ADDR") && !variables.has("MASTER_PORT")) return;
  if (const auto address = variables.text("MASTER_ADDR"); address && !address->empty()) {
    found.master_address = *address;
  } else if (!defaults.address.empty()) {
    found.master_address = defaults.address;
  } else {
    faults.error("MASTER_ADDR", "missing; set it to the address of the machine of rank 0");
  }
  if (variables.has("MASTER_PORT") || defaults.port == 0) {
    found.master_port = variables.number("MASTER_PORT", 1, faults);
    if (found.master_port > 65535) {
      faults.error(
          "MASTER_PORT",
          "found " + std::to_string(found.master_port) + ", expected a port of 1 to 65535");
    }
  } else {
    found.master_port = defaults.port;
  }
}

RankEnvironment rank_environment_from(const VariableLookup& lookup) {
  const Variables variables(lookup);
  Diagnostics faults;
  const std::optional<RankEnvironment> found = read_any(variables, faults);
  if (!found) return {};
  const std::string source = "rank variables in the environment (" + found->launcher + ")";
  faults.throw_if_errors<ConfigError>(source);
  check_consistent(*found, faults);
  faults.throw_if_errors<ConfigError>(source);
  return *found;
}

RankEnvironment rank_environment_from_env() {
  return rank_environment_from([](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  });
}

}  // namespace ropewalk
