// The seam through which the decoder runs every block. The default is a plain call; recompute,
// gathering of sharded parameters and offloading are other runners.
#pragma once

#include "ropewalk/model/block.h"

namespace ropewalk {

class BlockRunner {
 public:
  virtual ~BlockRunner() = default;
  virtual BlockOutputs run(Block& block, const BlockInputs& inputs) = 0;
};

class PlainBlockRunner final : public BlockRunner {
 public:
  BlockOutputs run(Block& block, const BlockInputs& inputs) override {
    return block.forward(inputs);
  }
};

}  // namespace ropewalk
