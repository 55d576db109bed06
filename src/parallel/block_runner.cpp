#include "ropewalk/parallel/block_runner.h"

#include "parallel/block_runners.h"

namespace ropewalk::parallel {
namespace {

std::shared_ptr<BlockRunner> runner_for(const BlockRunnerOptions& options) {
  switch (options.recompute) {
    case Recompute::kNone:
      break;
    case Recompute::kBlock:
      return make_recompute_runner(options.offload_inputs);
    case Recompute::kSelective:
      return make_selective_runner();
  }
  return std::make_shared<PlainBlockRunner>();
}

}  // namespace

std::shared_ptr<BlockRunner> make_block_runner(const BlockRunnerOptions& options) {
  std::shared_ptr<BlockRunner> runner = runner_for(options);
  return options.hooks ? make_hooked_runner(std::move(runner), options.hooks) : runner;
}

}  // namespace ropewalk::parallel
