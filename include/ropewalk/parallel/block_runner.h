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
  // with one block instead of all of them. kSelective: only the MLP runs again, and of attention
  // everything is kept (Korthikanti et al., arXiv 2205.05198, choose the other half: their
  // attention keeps its scores, ours does not).
  Recompute recompute = Recompute::kNone;
  // kBlock: the kept inputs wait in host memory.
  bool offload_inputs = false;
  std::shared_ptr<BlockHooks> hooks;  // null: none
};

std::shared_ptr<BlockRunner> make_block_runner(const BlockRunnerOptions& options);

}  // namespace ropewalk::parallel
