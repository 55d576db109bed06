#pragma once

#include <string>
#include <vector>

#include "cli/options/train_options.h"
#include "ropewalk/launch/local_agent.h"

namespace ropewalk::cli {

// `train` in the front: with --nproc starts that many local ranks of the engine and returns their
// common exit code; otherwise becomes the engine (a single rank, or one rank of torchrun, mpirun or
// Slurm).
int launch_train(const TrainOptions& options, const std::vector<std::string>& command_line);

// Reads the run's inputs and starts `agent.num_ranks` ranks of the engine with the same words, of
// which the first is "train". Returns their common exit code.
int start_ranks(const TrainOptions& options,
                const std::vector<std::string>& words,
                AgentOptions agent);

}  // namespace ropewalk::cli
