#pragma once

#include <string>
#include <vector>

#include "cli/options/evaluated_model.h"

namespace ropewalk::cli {

// An `eval` in the front: with --nproc starts that many local ranks of the engine and returns their
// common exit code; otherwise becomes the engine (a single rank, or one rank of another launcher).
int launch_evaluation(const EvaluatedModel& model, const std::vector<std::string>& command_line);

}  // namespace ropewalk::cli
