// Tables of cos and sin for a model's positions, grown on demand.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "ropewalk/ops/rotary.h"
#include "ropewalk/rope/frequencies.h"

namespace ropewalk {

class RotaryCache {
 public:
  RotaryCache(const RopeParameters& rope, at::Device device);

  // Tables for positions [0, positions) at least. Earlier tables stay valid for who holds them.
  const ops::RotaryTables& tables(int64_t positions);

 private:
  RopeTable frequencies_;
  std::vector<float> rounded_;  // the inverse frequencies in use
  at::Device device_;
  ops::RotaryTables tables_;
};

}  // namespace ropewalk
