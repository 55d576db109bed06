#include "cli/launch_train.h"

#include "cli/process_environment.h"
#include "ropewalk/launch/local_agent.h"
#include "ropewalk/launch/rank_environment.h"
#include "ropewalk/settings/train_inputs.h"

namespace ropewalk::cli {

int launch_train(const TrainOptions& options, const std::vector<std::string>& command_line) {
  if (options.nproc <= 1) {
    exec_engine(command_line, rank_environment_from_env().local_world_size);
  }
  // A mistake is told once and before any rank starts; warnings are left to rank 0.
  Diagnostics warnings;
  load_train_inputs(options.run_config, options.set, options.nproc, warnings);

  set_thread_environment(static_cast<int>(options.nproc));
  AgentOptions agent;
  agent.command = {engine_path().string()};
  agent.command.insert(agent.command.end(), command_line.begin() + 1, command_line.end());
  agent.num_ranks = static_cast<int>(options.nproc);
  return run_local_agent(agent);
}

}  // namespace ropewalk::cli
