#include "cli/launch_train.h"

#include "cli/process_environment.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/launch/rank_environment.h"
#include "ropewalk/settings/train_inputs.h"

namespace ropewalk::cli {
namespace {

// Only an agent watches ranks and starts them again.
void refuse_options_of_an_agent(const TrainOptions& options) {
  Diagnostics faults;
  const auto needs_nproc = [&](const char* option, bool found) {
    if (!found) return;
    faults.error(option,
                 "found without --nproc; give --nproc 1 for a single rank. Where another launcher "
                 "starts the ranks, it also watches them");
  };
  needs_nproc("--max-restarts", options.max_restarts.has_value());
  needs_nproc("--hang-limit", options.hang_limit_s.has_value());
  faults.throw_if_errors<ConfigError>("ropewalk train");
}

bool is_start_word(const std::string& word) {
  return word == "--overwrite" || word == "--resume" || word.rfind("--resume=", 0) == 0;
}

std::vector<std::string> with_start_word(const std::vector<std::string>& command,
                                         const std::string& start_word) {
  std::vector<std::string> changed;
  for (const std::string& word : command) {
    if (!is_start_word(word)) changed.push_back(word);
  }
  changed.push_back(start_word);
  return changed;
}

}  // namespace

int launch_train(const TrainOptions& options, const std::vector<std::string>& command_line) {
  if (options.nproc == 0) refuse_options_of_an_agent(options);
  const bool asks_for_agent = options.max_restarts || options.hang_limit_s;
  if (options.nproc <= 1 && !asks_for_agent) {
    exec_engine(command_line, rank_environment_from_env().local_world_size);
  }
  AgentOptions agent;
  agent.num_ranks = static_cast<int>(options.nproc);
  agent.restart.max_restarts = options.max_restarts.value_or(0);
  agent.hang.hang_s = options.hang_limit_s.value_or(agent.hang.hang_s);
  return start_ranks(options, {command_line.begin() + 1, command_line.end()}, std::move(agent));
}

int start_ranks(const TrainOptions& options,
                const std::vector<std::string>& words,
                AgentOptions agent) {
  // A mistake is told once and before any rank starts; warnings are left to rank 0.
  const int num_ranks = agent.nodes.num_nodes * agent.num_ranks;
  const int64_t timeout_s = load_all_train_inputs(options.run_config, options.set, num_ranks)
                                .front()
                                .config.parallel.timeout_s;

  set_thread_environment(agent.num_ranks);
  agent.command = {engine_path().string()};
  agent.command.insert(agent.command.end(), words.begin(), words.end());
  agent.starts_with_stop_signals_blocked = true;
  agent.hang.first_steps_s = static_cast<double>(timeout_s);
  agent.restart.command_after_save = with_start_word(agent.command, "--resume");
  // A run that may only begin where there are no checkpoints has made those that are there now.
  if (options.resume.empty() && !options.overwrite) {
    agent.restart.command_after_step = with_start_word(agent.command, "--resume=auto");
  }
  return run_local_agent(agent);
}

}  // namespace ropewalk::cli
