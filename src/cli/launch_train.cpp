#include "cli/launch_train.h"

#include "cli/process_environment.h"
#include "ropewalk/launch/rank_environment.h"
#include "ropewalk/settings/train_inputs.h"

namespace ropewalk::cli {

int launch_train(const TrainOptions& options, const std::vector<std::string>& command_line) {
  if (options.nproc <= 1) {
    exec_engine(command_line, rank_environment_from_env().local_world_size);
  }
  AgentOptions agent;
  agent.num_ranks = static_cast<int>(options.nproc);
  return start_ranks(options, {command_line.begin() + 1, command_line.end()}, std::move(agent));
}

int start_ranks(const TrainOptions& options,
                const std::vector<std::string>& words,
                AgentOptions agent) {
  // A mistake is told once and before any rank starts; warnings are left to rank 0.
  Diagnostics warnings;
  load_train_inputs(
      options.run_config, options.set, agent.nodes.num_nodes * agent.num_ranks, warnings);

  set_thread_environment(agent.num_ranks);
  agent.command = {engine_path().string()};
  agent.command.insert(agent.command.end(), words.begin(), words.end());
  return run_local_agent(agent);
}

}  // namespace ropewalk::cli
