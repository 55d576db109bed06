// How the decoder's blocks are run in training: what is kept for the backward pass, and what is
// called around each block.
#pragma once

#include <memory>

#include "ropewalk/model/block_runner.h"
#include "ropewalk/parallel/block_hooks.h"
#include "ropewalk/parallel/parallel_config.h"

namespace ropewalk::parallel {

struct BlockRunnerOptions {
  // Activation recomputation (Chen et al., arXiv 1604.06174). kBlock: forward keeps a block's input
  // only; backward runs the block again with gradients. One more forward pass for memory that grows
  // with one block instead of all of them.
  Recompute recompute = Recompute::kNone;
  // With recompute: the kept inputs wait in host memory.
  bool offload_inputs = false;
  std::shared_ptr<BlockHooks> hooks;  // null: none
};

std::shared_ptr<BlockRunner> make_block_runner(const BlockRunnerOptions& options);

}  // namespace ropewalk::parallel
