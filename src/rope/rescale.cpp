#include "ropewalk/rope/rescale.h"

#include <cmath>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk {

RopeParameters rescale(const RopeParameters& own, RopeKind kind, double factor) {
  // The extended length has to stay a whole number.
  constexpr double kLargest = 1e9;
  if (!(factor >= 1 && factor <= kLargest)) {
    throw ConfigError("factor " + format_number(factor) + ": expected a number from 1 to " +
                      format_number(kLargest) +
                      ". Positions are DIVIDED by the factor: write 16, not 0.0625");
  }
  // Which pairs of a proportional model turn is no scaling: its own factor divides like linear's.
  if (own.kind == RopeKind::kProportional && kind == RopeKind::kLinear) kind = own.kind;
  if (kind == RopeKind::kDefault && factor != 1) {
    throw ConfigError("scaling default with factor " + format_number(factor) +
                      ": default means no scaling. Give factor 1, or linear or yarn");
  }
  const bool own_kind = kind == own.kind;
  const bool wants_extras =
      kind == RopeKind::kLlama3 || kind == RopeKind::kLongrope || kind == RopeKind::kProportional;
  if (!own_kind && wants_extras) {
    throw ConfigError("scaling " + std::string(rope_kind_name(kind)) +
                      ": needs more than a factor; this model has none of it. Use linear or yarn");
  }
  RopeParameters scaled = own;
  if (!own_kind || factor == 1) {
    scaled = RopeParameters{.kind = factor == 1 ? RopeKind::kDefault : kind,
                            .theta = own.theta,
                            .factor = 1,
                            .head_dim = own.head_dim,
                            .rotary_dims = own.rotary_dims,
                            .layout = own.layout};
  }
  scaled.factor = factor;
  scaled.original_max_position_embeddings = own.original_max_position_embeddings;
  scaled.max_position_embeddings = static_cast<int64_t>(
      std::llround(factor * static_cast<double>(own.original_max_position_embeddings)));
  return scaled;
}

}  // namespace ropewalk
