#include "cli/launch_evaluation.h"

#include "cli/process_environment.h"
#include "ropewalk/launch/local_agent.h"
#include "ropewalk/launch/rank_environment.h"

namespace ropewalk::cli {

int launch_evaluation(const EvaluatedModel& model, const std::vector<std::string>& command_line) {
  if (model.nproc == 1) exec_engine(command_line, rank_environment_from_env().local_world_size);
  AgentOptions agent;
  agent.num_ranks = static_cast<int>(model.nproc);
  set_thread_environment(agent.num_ranks);
  agent.command = {engine_path().string()};
  agent.command.insert(agent.command.end(), command_line.begin() + 1, command_line.end());
  return run_local_agent(agent);
}

}  // namespace ropewalk::cli
