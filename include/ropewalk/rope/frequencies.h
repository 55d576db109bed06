// Inverse frequencies of every kind. Formulas: Position Interpolation (arXiv 2306.15595), YaRN
// (arXiv 2309.00071), LongRoPE (arXiv 2402.13753), NTK scaling and LLaMA 3.1's bands, as
// transformers' modeling_rope_utils states them.
#pragma once

#include <functional>
#include <vector>

#include "ropewalk/rope/rope_parameters.h"

namespace ropewalk {

struct RopeTable {
  // omega_i by pair; angle = position * omega_i (radians). rotary_dims/2 numbers.
  std::vector<double> inverse_frequencies;
  // Multiplies cos and sin (the attention temperature of yarn and longrope); 1 for other kinds.
  double attention_factor = 1.0;
};

// `sequence_length`: the longest sequence of the batch, counted from position 0. It matters only
// where rope_depends_on_length; up to L it changes nothing. Throws ConfigError naming the kind and
// the parameter that is missing or impossible.
RopeTable make_rope_table(const RopeParameters& rope, int64_t sequence_length = 0);

// dynamic and longrope: beyond L the same position turns by another angle in a longer sequence.
bool rope_depends_on_length(const RopeParameters& rope);

struct Fp32RopeTable {
  std::vector<float> inverse_frequencies;
  double attention_factor = 1.0;
};

// base^x for each x, in fp32. transformers' is torch's own pow, which is not correctly rounded.
using Fp32Power = std::function<std::vector<float>(double base, const std::vector<float>&)>;

// The same in fp32, every step rounded as transformers rounds it: at far positions the last bit of
// a frequency is a visible angle.
Fp32RopeTable make_fp32_rope_table(const RopeParameters& rope,
                                   int64_t sequence_length,
                                   const Fp32Power& power);

// The pairs between which YaRN passes from untouched (first) to fully interpolated (second).
struct YarnRamp {
  double low = 0.0;
  double high = 0.0;
};
YarnRamp yarn_ramp(const RopeParameters& rope);

// LLaMA 3.1: wavelengths (in positions) below `untouched` are left, above `interpolated` divided
// by the factor, between them blended.
struct Llama3Bands {
  double untouched = 0.0;
  double interpolated = 0.0;
};
Llama3Bands llama3_bands(const RopeParameters& rope);

}  // namespace ropewalk
