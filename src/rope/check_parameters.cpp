#include "rope/check_parameters.h"

#include <cmath>
#include <string>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

[[noreturn]] void refuse(const RopeParameters& rope, const std::string& text) {
  throw ConfigError("rope kind " + std::string(rope_kind_name(rope.kind)) + ": " + text);
}

void check_common(const RopeParameters& rope) {
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

void check_original(const RopeParameters& rope, int64_t least) {
  if (rope.original_max_position_embeddings >= least) return;
  refuse(rope,
         "found original_max_position_embeddings " +
             std::to_string(rope.original_max_position_embeddings) + "; expected at least " +
             std::to_string(least));
}

void check_yarn(const RopeParameters& rope) {
  if (rope.theta == 1.0) refuse(rope, "rope_theta 1 has no slow and fast pairs");
  check_original(rope, 1);
}

void check_bands(const RopeParameters& rope) {
  check_original(rope, 1);
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
}

void check_dynamic(const RopeParameters& rope) {
  check_original(rope, 1);
  if (rope.rotary_dims == 2) refuse(rope, "2 rotary dimensions are too few: expected 4 or more");
  if (rope.alpha && !(std::isfinite(*rope.alpha) && *rope.alpha > 0.0)) {
    refuse(rope, "found alpha " + format_number(*rope.alpha) + "; expected a number > 0");
  }
}

void check_lists(const RopeParameters& rope) {
  check_original(rope, 2);
  const auto pairs = static_cast<size_t>(rope.rotary_dims / 2);
  for (const auto& [name, list] : {std::pair{"short_factor", &rope.short_factor},
                                   std::pair{"long_factor", &rope.long_factor}}) {
    if (list->size() != pairs) {
      refuse(rope,
             std::string(name) + " has " + std::to_string(list->size()) +
                 " numbers; expected one for each of the " + std::to_string(pairs) + " pairs");
    }
    for (const double number : *list) {
      if (std::isfinite(number) && number > 0.0) continue;
      refuse(rope,
             std::string(name) + ": found " + format_number(number) + "; expected numbers > 0");
    }
  }
}

void check_turning_pairs(const RopeParameters& rope) {
  const int64_t pairs = rope.rotary_dims / 2;
  const int64_t turning = rope.turning_pairs.value_or(pairs);
  if (rope.rotary_dims != rope.head_dim || turning < 0 || turning > pairs) {
    refuse(rope,
           "found " + std::to_string(turning) + " turning pairs of " + std::to_string(pairs) +
               " and " + std::to_string(rope.rotary_dims) + " rotary dimensions of " +
               std::to_string(rope.head_dim) + "; expected the whole head");
  }
}

}  // namespace

void check_rope_parameters(const RopeParameters& rope) {
  check_common(rope);
  if (rope.turning_pairs && rope.kind != RopeKind::kProportional) {
    refuse(rope, "turning_pairs belongs to kind proportional");
  }
  switch (rope.kind) {
    case RopeKind::kDefault:
    case RopeKind::kLinear:
      return;
    case RopeKind::kYarn:
      return check_yarn(rope);
    case RopeKind::kLlama3:
      return check_bands(rope);
    case RopeKind::kDynamic:
      return check_dynamic(rope);
    case RopeKind::kLongrope:
      return check_lists(rope);
    case RopeKind::kProportional:
      return check_turning_pairs(rope);
  }
}

}  // namespace ropewalk
