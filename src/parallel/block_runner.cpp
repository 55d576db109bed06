#include "ropewalk/parallel/block_runner.h"

#include "parallel/block_runners.h"

namespace ropewalk::parallel {

std::shared_ptr<BlockRunner> make_block_runner(const BlockRunnerOptions& options) {
  if (options.recompute != Recompute::kNone) return make_recompute_runner(options);
  if (options.hooks) return make_hooked_runner(options.hooks);
  return std::make_shared<PlainBlockRunner>();
}

}  // namespace ropewalk::parallel
