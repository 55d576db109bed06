#include <cmath>

#include "ropewalk/base/text.h"
#include "ropewalk/rope/scaling.h"

namespace ropewalk {
namespace {

std::string lengths(const RopeParameters& rope) {
  return "pre-training context " + std::to_string(rope.original_max_position_embeddings) +
         ", max_position_embeddings " + std::to_string(rope.max_position_embeddings);
}

}  // namespace

void check_scaling(const RopeParameters& rope,
                   bool factor_stated,
                   const std::string& where,
                   Diagnostics& diagnostics) {
  if (!is_interpolation(rope.kind)) return;
  const int64_t original = rope.original_max_position_embeddings;
  const int64_t window = rope.max_position_embeddings;
  const int64_t covered = covered_length(rope.factor, original);
  const std::string key = where.empty() ? "pos_scaling_factor" : where + ".pos_scaling_factor";
  const std::string needed = format_number(factor_for_length(original, window));
  if (rope.kind == RopeKind::kDefault && window > original && factor_stated) {
    diagnostics.warning(key,
                        "is 1 with a longer window (" + lengths(rope) + "): positions beyond " +
                            std::to_string(original - 1) +
                            " are new to the model (direct tuning, not interpolation)");
  } else if (rope.kind == RopeKind::kDefault && window > original) {
    diagnostics.error(key,
                      "is missing while the window is longer (" + lengths(rope) +
                          "): write pos_scaling_factor " + needed +
                          ", or 1 to tune directly without interpolation");
  } else if (covered < window) {
    diagnostics.error(
        key,
        "found " + format_number(rope.factor) + ", which does not reach (" + lengths(rope) +
            "): positions up to " + std::to_string(window - 1) + " divided by it go up to " +
            format_number(static_cast<double>(window - 1) / rope.factor) + ", beyond the " +
            std::to_string(original - 1) + " of pre-training; expected at least " + needed +
            " (or state original_max_position_embeddings if the pre-training "
            "context was longer)");
  } else if (covered > window && rope.kind == RopeKind::kLinear) {
    diagnostics.warning(key,
                        "found " + format_number(rope.factor) + ", more than needed (" +
                            lengths(rope) + "; " + needed +
                            " is enough): positions are squeezed further than the window asks");
  }
}

double factor_for_length(int64_t original_length, int64_t length) {
  const double factor = static_cast<double>(length) / static_cast<double>(original_length);
  if (factor <= 1.0) return 1.0;
  const bool reaches = factor * static_cast<double>(original_length) >= static_cast<double>(length);
  return reaches ? factor : std::nextafter(factor, factor + 1.0);
}

int64_t covered_length(double factor, int64_t original_length) {
  const double product = factor * static_cast<double>(original_length);
  return static_cast<int64_t>(std::floor(product * (1.0 + 1e-9)));
}

}  // namespace ropewalk
