// Inverse frequencies, in double. Formulas: Position Interpolation (arXiv 2306.15595), YaRN (arXiv
// 2309.00071) and LLaMA 3.1's banded scaling, as transformers' modeling_rope_utils states them.
#pragma once

#include <vector>

#include "ropewalk/rope/rope_parameters.h"

namespace ropewalk {

struct RopeTable {
  // omega_i for i = 0 .. rotary_dims/2 - 1; angle = position * omega_i (radians).
  std::vector<double> inverse_frequencies;
  // Multiplies cos and sin (YaRN's attention temperature); 1 for the other kinds.
  double attention_factor = 1.0;
};

// Throws ConfigError naming the kind when it is not supported, or a required extra that is missing.
RopeTable make_rope_table(const RopeParameters& rope);

// The pairs between which YaRN passes from untouched (first) to fully interpolated (second).
struct YarnRamp {
  double low = 0.0;
  double high = 0.0;
};
YarnRamp yarn_ramp(const RopeParameters& rope);

}  // namespace ropewalk
