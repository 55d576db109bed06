#include "ropewalk/spec/decoder_spec.h"

#include <cmath>

namespace ropewalk {

double DecoderSpec::score_scale() const {
  const double scale = attention_scale.value_or(1.0 / std::sqrt(static_cast<double>(query_dim())));
  if (!latent || rope.kind != RopeKind::kYarn || rope.factor <= 1.0) return scale;
  const double temperature = 0.1 * rope.mscale_all_dim.value_or(0.0) * std::log(rope.factor) + 1.0;
  return scale * temperature * temperature;
}

}  // namespace ropewalk
