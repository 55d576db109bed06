#include "ropewalk/rope/frequencies.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr double kTwoPi = 2.0 * std::numbers::pi;

[[noreturn]] void refuse(const RopeParameters& rope, const std::string& text) {
  throw ConfigError("rope kind " + std::string(rope_kind_name(rope.kind)) + ": " + text);
}

void check_parameters(const RopeParameters& rope) {
  if (!rope_kind_supported(rope.kind)) {
    refuse(rope, "not supported; supported are default, linear, yarn and llama3");
  }
  if (rope.rotary_dims < 2 || rope.rotary_dims % 2 != 0 || rope.rotary_dims > rope.head_dim) {
    refuse(rope,
           "found " + std::to_string(rope.rotary_dims) + " rotary dimensions of " +
               std::to_string(rope.head_dim) + "; expected an even number from 2 to head_dim");
  }
  if (!std::isfinite(rope.theta) || rope.theta <= 0.0) {
    refuse(rope, "found rope_theta " + format_number(rope.theta) + "; expected a number > 0");
  }
  if (!std::isfinite(rope.factor) || rope.factor < 1.0) {
    refuse(rope, "found factor " + format_number(rope.factor) + "; expected a number >= 1");
  }
}

// theta_i = b^(-2i/d).
std::vector<double> unscaled_frequencies(const RopeParameters& rope) {
  std::vector<double> frequencies(rope.rotary_dims / 2);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(rope.rotary_dims);
    frequencies[i] = 1.0 / std::pow(rope.theta, exponent);
  }
  return frequencies;
}

// The (fractional) pair that turns `rotations` times within L: d ln(L / (2 pi r)) / (2 ln b).
double pair_of_rotations(const RopeParameters& rope, double rotations) {
  const double length = static_cast<double>(rope.original_max_position_embeddings);
  return static_cast<double>(rope.rotary_dims) * std::log(length / (rotations * kTwoPi)) /
         (2.0 * std::log(rope.theta));
}

// 0 means "not given" as in transformers.
double or_default(const std::optional<double>& value, double fallback) {
  return value && *value != 0.0 ? *value : fallback;
}

double yarn_magnitude(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

double yarn_attention_factor(const RopeParameters& rope) {
  if (rope.attention_factor) return *rope.attention_factor;
  const double mscale = rope.mscale.value_or(0.0);
  const double mscale_all_dim = rope.mscale_all_dim.value_or(0.0);
  if (mscale != 0.0 && mscale_all_dim != 0.0) {
    return yarn_magnitude(rope.factor, mscale) / yarn_magnitude(rope.factor, mscale_all_dim);
  }
  return yarn_magnitude(rope.factor, 1.0);
}

void apply_yarn(const RopeParameters& rope, RopeTable& table) {
  const YarnRamp ramp = yarn_ramp(rope);
  for (size_t i = 0; i < table.inverse_frequencies.size(); ++i) {
    double& omega = table.inverse_frequencies[i];
    // g = 0: fast pairs, untouched; g = 1: slow pairs, fully interpolated.
    const double g =
        std::clamp((static_cast<double>(i) - ramp.low) / (ramp.high - ramp.low), 0.0, 1.0);
    omega = omega * (1.0 - g) + omega / rope.factor * g;
  }
  table.attention_factor = yarn_attention_factor(rope);
}

void apply_llama3(const RopeParameters& rope, RopeTable& table) {
  if (!rope.low_freq_factor || !rope.high_freq_factor) {
    refuse(rope, "low_freq_factor and high_freq_factor are required");
  }
  const double low = *rope.low_freq_factor;
  const double high = *rope.high_freq_factor;
  if (!(low > 0.0) || !(high > low)) {
    refuse(rope,
           "found low_freq_factor " + format_number(low) + " and high_freq_factor " +
               format_number(high) + "; expected 0 < low_freq_factor < high_freq_factor");
  }
  const double length = static_cast<double>(rope.original_max_position_embeddings);
  for (double& omega : table.inverse_frequencies) {
    const double wavelength = kTwoPi / omega;
    if (wavelength < length / high) continue;
    const double interpolated = omega / rope.factor;
    if (wavelength > length / low) {
      omega = interpolated;
    } else {
      const double z = (length / wavelength - low) / (high - low);
      omega = (1.0 - z) * interpolated + z * omega;
    }
  }
}

}  // namespace

YarnRamp yarn_ramp(const RopeParameters& rope) {
  if (rope.theta == 1.0) refuse(rope, "rope_theta 1 has no slow and fast pairs");
  if (rope.original_max_position_embeddings < 1) {
    refuse(rope, "original_max_position_embeddings must be known and positive");
  }
  YarnRamp ramp{pair_of_rotations(rope, or_default(rope.beta_fast, 32.0)),
                pair_of_rotations(rope, or_default(rope.beta_slow, 1.0))};
  if (rope.truncate.value_or(true)) ramp = {std::floor(ramp.low), std::ceil(ramp.high)};
  ramp.low = std::max(ramp.low, 0.0);
  ramp.high = std::min(ramp.high, static_cast<double>(rope.rotary_dims - 1));
  if (ramp.low == ramp.high) ramp.high += 0.001;
  return ramp;
}

RopeTable make_rope_table(const RopeParameters& rope) {
  check_parameters(rope);
  RopeTable table;
  table.inverse_frequencies = unscaled_frequencies(rope);
  switch (rope.kind) {
    case RopeKind::kLinear:
      for (double& omega : table.inverse_frequencies) omega /= rope.factor;
      break;
    case RopeKind::kYarn:
      apply_yarn(rope, table);
      break;
    case RopeKind::kLlama3:
      apply_llama3(rope, table);
      break;
    default:
      break;
  }
  return table;
}

}  // namespace ropewalk
