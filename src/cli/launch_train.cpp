#include "cli/launch_train.h"

#include "cli/process_environment.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::cli {

int launch_train(const TrainOptions& options, const std::vector<std::string>& command_line) {
  if (options.nproc > 1) {
    throw Error("train --nproc: the local agent is not built yet", kExitFailure);
  }
  exec_engine(command_line);
}

}  // namespace ropewalk::cli
