// Several training runs one after another in the same ranks, which saves their start-up.
//
// usage: runs_tool NUM_RANKS RUN.json...
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "ropewalk/base/errors.h"
#include "ropewalk/dist/group.h"
#include "ropewalk/launch/local_agent.h"
#include "ropewalk/launch/rank_environment.h"
#include "ropewalk/train/trainer.h"

namespace ropewalk {
namespace {

int start_ranks(int argc, char** argv) {
  AgentOptions options;
  options.command = {std::filesystem::read_symlink("/proc/self/exe")};
  options.command.insert(options.command.end(), argv + 1, argv + argc);
  options.num_ranks = std::stoi(argv[1]);
  options.environment = {"ROPEWALK_RUNS_RANK=1"};
  return run_local_agent(options);
}

void train(const std::string& run_config, const std::shared_ptr<dist::Group>& group) {
  TrainInputs inputs = std::move(load_all_train_inputs(run_config, {}, group->size()).front());
  Trainer trainer(std::move(inputs), {.resume = "", .overwrite = true, .allow_change = {}}, group);
  if (trainer.run() != kExitDone) throw Error(run_config + ": was stopped", kExitFailure);
}

int run(int argc, char** argv) {
  if (std::getenv("ROPEWALK_RUNS_RANK") == nullptr) return start_ranks(argc, argv);
  const auto group = dist::make_group(rank_environment_from_env(), {});
  for (int i = 2; i < argc; ++i) train(argv[i], group);
  group->barrier();
  return kExitDone;
}

}  // namespace
}  // namespace ropewalk

int main(int argc, char** argv) {
  try {
    return argc < 3 ? ropewalk::kExitBadInput : ropewalk::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return ropewalk::kExitFailure;
  }
}
