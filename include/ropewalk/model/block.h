// One decoder block behind the seam at which parallelism and recompute work: they see blocks, never
// families.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>

#include "ropewalk/model/kv_cache.h"
#include "ropewalk/ops/rotary.h"

namespace ropewalk {

struct BlockInputs {
  at::Tensor hidden_BTD;
  ops::RotaryTables rotary;
  int64_t first_position = 0;
  KvCache* cache = nullptr;  // not owned; null in training
};

class Block : public torch::nn::Module {
 public:
  // A pure function of the inputs and the block's parameters, so that it can be run again.
  virtual at::Tensor forward(const BlockInputs& inputs) = 0;
};

}  // namespace ropewalk
