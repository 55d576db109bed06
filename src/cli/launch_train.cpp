#include "cli/launch_train.h"

#include <algorithm>

#include "cli/process_environment.h"
#include "ropewalk/base/log.h"
#include "ropewalk/launch/local_agent.h"
#include "ropewalk/launch/rank_environment.h"
#include "ropewalk/settings/train_inputs.h"

namespace ropewalk::cli {

int launch_train(const TrainOptions& options, const std::vector<std::string>& command_line) {
  if (options.nproc <= 1) exec_engine(command_line);

  configure_logging(LogLevel::kInfo);
  // Mistakes are told here, once, before any rank is started; the ranks read the same again.
  Diagnostics remarks_told_by_rank_zero;
  load_train_inputs(options.run_config, options.set, options.nproc, remarks_told_by_rank_zero);

  set_thread_environment(static_cast<int>(options.nproc));
  std::vector<std::string> command = command_line;
  command.front() = engine_path().string();
  return run_local_agent({.command = command, .num_ranks = static_cast<int>(options.nproc)});
}

}  // namespace ropewalk::cli
