// Activation recomputation per block (Chen et al., arXiv 1604.06174): forward keeps a block's input
// only; backward runs the block again with gradients. One more forward pass for memory that grows
// with one block instead of all of them.
#pragma once

#include <memory>

#include "ropewalk/model/block_runner.h"

namespace ropewalk::parallel {

std::shared_ptr<BlockRunner> make_recompute_runner();

}  // namespace ropewalk::parallel
