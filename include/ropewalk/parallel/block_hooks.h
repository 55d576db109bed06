// What happens around each block of a forward and a backward pass: gathering its weights before it
// computes, freeing them and reducing its gradients afterwards. Called by the block runner, in the
// order in which the blocks compute, the same on every rank.
#pragma once

#include "ropewalk/model/block.h"

namespace ropewalk::parallel {

class BlockHooks {
 public:
  virtual ~BlockHooks() = default;
  virtual void before_forward(const Block& block) = 0;
  // `recorded`: a backward pass follows.
  virtual void after_forward(const Block& block, bool recorded) = 0;
  virtual void before_backward(const Block& block) = 0;
  // Every gradient of the block's parameters is in its .grad().
  virtual void after_backward(const Block& block) = 0;
};

}  // namespace ropewalk::parallel
