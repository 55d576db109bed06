#include "model/rotary_cache.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

namespace ropewalk {
namespace {

// transformers computes theta^(2i/d) in float with torch's pow, which misses the nearest float by
// one unit for a third of the pairs: 1e-3 radians at position 32768. Its product position *
// frequency is rounded to float as well. Both are kept, because being "more exact" would be a
// different model there.
std::vector<float> torch_power(double base, const std::vector<float>& exponents) {
  std::vector<float> values = exponents;
  const auto count = static_cast<int64_t>(values.size());
  const at::Tensor view = at::from_blob(values.data(), {count}, at::kFloat);
  view.copy_(at::pow(base, view));
  return values;
}

}  // namespace

RotaryCache::RotaryCache(const RopeParameters& rope, at::Device device)
    : rope_(rope), device_(device), within_(make_regime(0)) {}

int64_t RotaryCache::regime_length(int64_t positions) const {
  const int64_t original = rope_.original_max_position_embeddings;
  if (!rope_depends_on_length(rope_) || positions <= original) return 0;
  return rope_.kind == RopeKind::kDynamic ? positions : original + 1;
}

RotaryCache::Regime RotaryCache::make_regime(int64_t length) const {
  Regime regime{length, make_fp32_rope_table(rope_, length, torch_power), {}};
  regime.tables.layout = rope_.layout == RopeLayout::kInterleaved ? ops::RotaryLayout::kInterleaved
                                                                  : ops::RotaryLayout::kHalf;
  return regime;
}

void RotaryCache::grow(Regime& regime, int64_t positions) const {
  const int64_t have = regime.tables.cos.defined() ? regime.tables.cos.size(0) : 0;
  if (positions <= have) return;
  // Dynamic frequencies beyond L serve this length only: no room for longer ones.
  const bool one_length = rope_.kind == RopeKind::kDynamic && regime.length != 0;
  const int64_t count = one_length ? positions : std::max<int64_t>({positions, 2 * have, 64});
  const std::vector<float>& frequencies = regime.frequencies.inverse_frequencies;
  const auto half = static_cast<int64_t>(frequencies.size());
  at::Tensor cos = at::empty({count, half}, at::kFloat), sin = at::empty({count, half}, at::kFloat);
  float *c = cos.data_ptr<float>(), *s = sin.data_ptr<float>();
  const double factor = regime.frequencies.attention_factor;
  at::parallel_for(0, count, 256, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      for (int64_t i = 0; i < half; ++i) {
        const float angle = static_cast<float>(p) * frequencies[i];
        c[p * half + i] = static_cast<float>(std::cos(static_cast<double>(angle)) * factor);
        s[p * half + i] = static_cast<float>(std::sin(static_cast<double>(angle)) * factor);
      }
    }
  });
  regime.tables.cos = cos.to(device_);
  regime.tables.sin = sin.to(device_);
}

ops::RotaryTables RotaryCache::tables(int64_t positions) {
  const int64_t length = regime_length(positions);
  if (length != 0 && beyond_.length != length) beyond_ = make_regime(length);
  Regime& regime = length == 0 ? within_ : beyond_;
  grow(regime, positions);
  return regime.tables;
}

}  // namespace ropewalk
