#include "model/rotary_cache.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

namespace ropewalk {
namespace {

// The frequencies in float, rounded as the models' own training rounded them. transformers computes
// theta^(-2i/d) in float with torch's pow, which misses the nearest float by one unit for a third
// of the pairs: 1e-3 radians at position 32768. Its product position * frequency is rounded to
// float as well. Both are kept, because being "more exact" would be a different model there; the
// scaling, in double, is applied to the rounded unscaled frequencies, so that factor 1 changes no
// bit and a power of two scales exactly.
std::vector<float> rounded_frequencies(const RopeParameters& rope, const RopeTable& table) {
  RopeParameters unscaled = rope;
  unscaled.kind = RopeKind::kDefault;
  unscaled.factor = 1.0;
  const std::vector<double> exact = make_rope_table(unscaled).inverse_frequencies;
  const int64_t dims = 2 * static_cast<int64_t>(exact.size());
  const at::Tensor exponents = at::arange(0, dims, 2, at::kLong).to(at::kFloat) / dims;
  const at::Tensor floats = at::pow(rope.theta, exponents).reciprocal();
  std::vector<float> out(exact.size());
  for (size_t i = 0; i < exact.size(); ++i) {
    const double rounded = floats.data_ptr<float>()[i];
    out[i] = static_cast<float>(rounded * (table.inverse_frequencies[i] / exact[i]));
  }
  return out;
}

}  // namespace

RotaryCache::RotaryCache(const RopeParameters& rope, at::Device device)
    : frequencies_(make_rope_table(rope)),
      rounded_(rounded_frequencies(rope, frequencies_)),
      device_(device) {
  tables_.layout = rope.layout == RopeLayout::kInterleaved ? ops::RotaryLayout::kInterleaved
                                                           : ops::RotaryLayout::kHalf;
}

const ops::RotaryTables& RotaryCache::tables(int64_t positions) {
  const int64_t have = tables_.cos.defined() ? tables_.cos.size(0) : 0;
  if (positions <= have) return tables_;
  const int64_t count = std::max<int64_t>({positions, 2 * have, 64});
  const int64_t half = static_cast<int64_t>(frequencies_.inverse_frequencies.size());
  at::Tensor cos = at::empty({count, half}, at::kFloat), sin = at::empty({count, half}, at::kFloat);
  float *c = cos.data_ptr<float>(), *s = sin.data_ptr<float>();
  const double factor = frequencies_.attention_factor;
  const std::vector<float>& frequencies = rounded_;
  at::parallel_for(0, count, 256, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      for (int64_t i = 0; i < half; ++i) {
        const float angle = static_cast<float>(p) * frequencies[i];
        c[p * half + i] = static_cast<float>(std::cos(static_cast<double>(angle)) * factor);
        s[p * half + i] = static_cast<float>(std::sin(static_cast<double>(angle)) * factor);
      }
    }
  });
  tables_.cos = cos.to(device_);
  tables_.sin = sin.to(device_);
  return tables_;
}

}  // namespace ropewalk
