#include "ropewalk/rope/frequencies.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "rope/check_parameters.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr double kTwoPi = 2.0 * std::numbers::pi;

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

bool beyond_original(const RopeParameters& rope, int64_t sequence_length) {
  return rope_depends_on_length(rope) && sequence_length > rope.original_max_position_embeddings;
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

double longrope_attention_factor(const RopeParameters& rope, bool beyond) {
  const std::optional<double>& mscale = beyond ? rope.long_mscale : rope.short_mscale;
  if (mscale) return *mscale;
  if (rope.attention_factor) return *rope.attention_factor;
  if (rope.factor <= 1.0) return 1.0;
  const double length = static_cast<double>(rope.original_max_position_embeddings);
  return std::sqrt(1.0 + std::log(rope.factor) / std::log(length));
}

double attention_factor(const RopeParameters& rope, int64_t sequence_length) {
  if (rope.kind == RopeKind::kYarn) return yarn_attention_factor(rope);
  if (rope.kind != RopeKind::kLongrope) return 1.0;
  return longrope_attention_factor(rope, beyond_original(rope, sequence_length));
}

// One formula for both precisions. The order of operations is that of transformers: in fp32 it
// decides about last bits.
template <typename Real>
class KindTable {
 public:
  using Reals = std::vector<Real>;
  using Power = std::function<Reals(double base, const Reals& exponents)>;

  KindTable(const RopeParameters& rope, int64_t sequence_length, const Power& power)
      : rope_(rope), length_(sequence_length), power_(power) {}

  Reals frequencies() const {
    switch (rope_.kind) {
      case RopeKind::kDefault:
        return unscaled();
      case RopeKind::kLinear:
      case RopeKind::kProportional:
        return divided(unscaled());
      case RopeKind::kDynamic:
        return reciprocals(powers(dynamic_theta()));
      case RopeKind::kYarn:
        return yarn();
      case RopeKind::kLongrope:
        return longrope();
      case RopeKind::kLlama3:
        return llama3();
    }
    return {};
  }

 private:
  // theta^(2i/d) for the pairs that turn.
  Reals powers(double theta) const {
    Reals exponents(static_cast<size_t>(rope_.turning_pairs.value_or(rope_.rotary_dims / 2)));
    for (size_t i = 0; i < exponents.size(); ++i) {
      exponents[i] = static_cast<Real>(2 * i) / static_cast<Real>(rope_.rotary_dims);
    }
    return power_(theta, exponents);
  }

  static Reals reciprocals(Reals values) {
    for (Real& value : values) value = Real(1) / value;
    return values;
  }

  Reals unscaled() const {
    Reals frequencies = reciprocals(powers(rope_.theta));
    frequencies.resize(static_cast<size_t>(rope_.rotary_dims / 2), Real(0));
    return frequencies;
  }

  Reals divided(Reals frequencies) const {
    for (Real& omega : frequencies) omega /= static_cast<Real>(rope_.factor);
    return frequencies;
  }

  // b_n = b (s n / L - (s - 1))^(d / (d - 2)); HunYuan's alpha stands for the bracket.
  double dynamic_theta() const {
    const double d = static_cast<double>(rope_.rotary_dims);
    const double exponent = d / (d - 2.0);
    if (rope_.alpha) return rope_.theta * std::pow(*rope_.alpha, exponent);
    if (!beyond_original(rope_, length_)) return rope_.theta;
    // transformers has the length as a tensor here, so that every result is rounded to fp32.
    const Real stretch = static_cast<Real>(rope_.factor) * static_cast<Real>(length_) /
                             static_cast<Real>(rope_.original_max_position_embeddings) -
                         static_cast<Real>(rope_.factor - 1.0);
    const auto grown = static_cast<Real>(std::pow(static_cast<double>(stretch), exponent));
    return static_cast<double>(static_cast<Real>(rope_.theta) * grown);
  }

  Reals yarn() const {
    const YarnRamp ramp = yarn_ramp(rope_);
    Reals values = powers(rope_.theta);
    for (size_t i = 0; i < values.size(); ++i) {
      const Real untouched = Real(1) / values[i];
      const Real interpolated = Real(1) / (static_cast<Real>(rope_.factor) * values[i]);
      const Real place = (static_cast<Real>(i) - static_cast<Real>(ramp.low)) /
                         static_cast<Real>(ramp.high - ramp.low);
      // 1: fast pairs, untouched; 0: slow pairs, fully interpolated.
      const Real share = Real(1) - std::clamp(place, Real(0), Real(1));
      values[i] = interpolated * (Real(1) - share) + untouched * share;
    }
    return values;
  }

  Reals longrope() const {
    const std::vector<double>& divisors =
        beyond_original(rope_, length_) ? rope_.long_factor : rope_.short_factor;
    Reals values = powers(rope_.theta);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = Real(1) / (static_cast<Real>(divisors[i]) * values[i]);
    }
    return values;
  }

  Reals llama3() const {
    const Llama3Bands bands = llama3_bands(rope_);
    const double low = *rope_.low_freq_factor;
    const double high = *rope_.high_freq_factor;
    const Real length = static_cast<Real>(rope_.original_max_position_embeddings);
    const Real factor = static_cast<Real>(rope_.factor);
    Reals values = unscaled();
    for (Real& omega : values) {
      const Real wavelength = Real(1) / omega * static_cast<Real>(kTwoPi);
      if (wavelength < static_cast<Real>(bands.untouched)) continue;
      if (wavelength > static_cast<Real>(bands.interpolated)) {
        omega /= factor;
        continue;
      }
      const Real share =
          (Real(1) / wavelength * length - static_cast<Real>(low)) / static_cast<Real>(high - low);
      omega = (Real(1) - share) * omega / factor + share * omega;
    }
    return values;
  }

  const RopeParameters& rope_;
  int64_t length_;
  const Power& power_;
};

}  // namespace

bool rope_depends_on_length(const RopeParameters& rope) {
  return rope.kind == RopeKind::kLongrope || (rope.kind == RopeKind::kDynamic && !rope.alpha);
}

YarnRamp yarn_ramp(const RopeParameters& rope) {
  check_rope_parameters(rope);
  YarnRamp ramp{pair_of_rotations(rope, or_default(rope.beta_fast, 32.0)),
                pair_of_rotations(rope, or_default(rope.beta_slow, 1.0))};
  if (rope.truncate.value_or(true)) ramp = {std::floor(ramp.low), std::ceil(ramp.high)};
  ramp.low = std::max(ramp.low, 0.0);
  ramp.high = std::min(ramp.high, static_cast<double>(rope.rotary_dims - 1));
  if (ramp.low == ramp.high) ramp.high += 0.001;
  return ramp;
}

Llama3Bands llama3_bands(const RopeParameters& rope) {
  check_rope_parameters(rope);
  const double length = static_cast<double>(rope.original_max_position_embeddings);
  return {length / *rope.high_freq_factor, length / *rope.low_freq_factor};
}

RopeTable make_rope_table(const RopeParameters& rope, int64_t sequence_length) {
  check_rope_parameters(rope);
  const KindTable<double>::Power power = [](double base, const std::vector<double>& exponents) {
    std::vector<double> values(exponents.size());
    for (size_t i = 0; i < values.size(); ++i) values[i] = std::pow(base, exponents[i]);
    return values;
  };
  return {KindTable<double>(rope, sequence_length, power).frequencies(),
          attention_factor(rope, sequence_length)};
}

Fp32RopeTable make_fp32_rope_table(const RopeParameters& rope,
                                   int64_t sequence_length,
                                   const Fp32Power& power) {
  check_rope_parameters(rope);
  return {KindTable<float>(rope, sequence_length, power).frequencies(),
          attention_factor(rope, sequence_length)};
}

}  // namespace ropewalk
