// Who this process is among the ranks, from the variables of whoever started it. Nothing is
// guessed: a set of variables that is incomplete or contradicts itself is a ConfigError that lists
// all faults.
//
// Looked at in this order, the first set that is there wins (a launcher started by another one
// leaves the outer one's variables in place):
// * ropewalk's own agent: ROPEWALK_RANK, ROPEWALK_WORLD_SIZE, ROPEWALK_STORE_PORT
//   [, ROPEWALK_STORE_FD, _STORE_ADDRESS, _LOCAL_RANK, _LOCAL_WORLD_SIZE, _BIND_ADDRESS,
//   _JOB_NONCE, _JOB_BEGUN]
// * torchrun, or by hand: RANK, WORLD_SIZE [, LOCAL_RANK, LOCAL_WORLD_SIZE], MASTER_ADDR,
// MASTER_PORT
// * Open MPI: OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK, _LOCAL_SIZE
// * MPICH, Intel MPI: PMI_RANK, PMI_SIZE, MPI_LOCALRANKID, MPI_LOCALNRANKS
// * Slurm (srun): SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID and the step's node list
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace ropewalk {

struct RankEnvironment {
  std::string launcher = "none";  // "none", "ropewalk", "torchrun", "Open MPI", "MPICH", "Slurm"
  int rank = 0;
  int world_size = 1;
  int local_rank = 0;        // among the ranks of this machine
  int local_world_size = 1;  // ranks on this machine
  // Where the rendezvous store listens; empty and 0 with a single rank.
  std::string master_address;
  int master_port = 0;
  // Of this machine, for connections to other ranks. Empty: 127.0.0.1 on a single machine, else the
  // interface that leads to the master.
  std::string bind_address;
  // Rank 0 under the agent: the inherited descriptor that already listens on the port. Otherwise
  // -1.
  int store_fd = -1;
  // The launcher runs the store (torchrun's agent): every rank, 0 too, is a client of it.
  bool store_is_served = false;
  // Known to the ranks that one agent, or several together, started at a time. Empty: rank 0 draws
  // one when they meet.
  std::string nonce;
  // When the agent was started, in seconds of this machine's steady clock; restarts do not change
  // it.
  std::optional<int> job_begun_s;
  // Keeps restarted attempts apart in a store that outlives them.
  std::string store_prefix;

  bool single() const { return world_size == 1; }
  bool several_machines() const { return local_world_size < world_size; }
};

using VariableLookup = std::function<std::optional<std::string>(const std::string&)>;

RankEnvironment rank_environment_from(const VariableLookup& lookup);
// Reads the process's own environment.
RankEnvironment rank_environment_from_env();

// First host of a Slurm node list: "gpu[003-005,9],login" -> "gpu003". Throws ConfigError.
std::string first_host_of_node_list(const std::string& node_list);

}  // namespace ropewalk
