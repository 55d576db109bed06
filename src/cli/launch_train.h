#pragma once

#include <string>
#include <vector>

#include "cli/options/train_options.h"

namespace ropewalk::cli {

// `train` in the front: with --nproc starts that many local ranks of the engine and returns their
// common exit code; otherwise becomes the engine (a single rank, or one rank of torchrun, mpirun or
// Slurm).
int launch_train(const TrainOptions& options, const std::vector<std::string>& command_line);

}  // namespace ropewalk::cli
