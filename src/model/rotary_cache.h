// Tables of cos and sin for a model's positions, grown on demand.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "ropewalk/ops/rotary.h"
#include "ropewalk/rope/frequencies.h"

namespace ropewalk {

class RotaryCache {
 public:
  // Throws ConfigError when no table can be made of `rope`.
  RotaryCache(const RopeParameters& rope, at::Device device);

  // Tables for positions [0, positions) at least, in a sequence of `positions`. Where the kind
  // depends on the length (dynamic, longrope) they are those of exactly this length: what was asked
  // for before changes nothing. Earlier tables stay valid for who holds them.
  ops::RotaryTables tables(int64_t positions);

 private:
  // Frequencies are the same for all lengths of one regime.
  struct Regime {
    int64_t length = 0;  // the length of the frequencies: 0 = up to L, or any where it is all one
    Fp32RopeTable frequencies;
    ops::RotaryTables tables;
  };

  int64_t regime_length(int64_t positions) const;
  Regime make_regime(int64_t length) const;
  void grow(Regime& regime, int64_t positions) const;

  RopeParameters rope_;
  at::Device device_;
  Regime within_;  // up to L
  Regime beyond_;  // the latest one beyond L, where the kind has any
};

}  // namespace ropewalk
