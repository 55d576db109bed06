// Section `schedule` of a run config: the learning rate over the steps.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

enum class ScheduleType { kConstant, kLinear, kCosine };

constexpr auto enum_names(ScheduleType) {
  return std::array{named(ScheduleType::kConstant, "constant"),
                    named(ScheduleType::kLinear, "linear"),
                    named(ScheduleType::kCosine, "cosine")};
}

struct ScheduleConfig {
  ScheduleType type = ScheduleType::kConstant;
  int64_t warmup_steps = 20;
  double warmup_start_fraction = 0.1;
  double final_fraction = 0.0;

  static constexpr auto fields() {
    using namespace rules;
    using S = ScheduleConfig;
    return std::tuple{
        field("type", &S::type, "Course of the learning rate after the warm-up."),
        field("warmup_steps", &S::warmup_steps, "Steps of linear warm-up; 0 = none.", non_negative),
        field("warmup_start_fraction",
              &S::warmup_start_fraction,
              "Part of the peak at which the warm-up starts.",
              non_negative,
              at_most(1)),
        field("final_fraction",
              &S::final_fraction,
              "Part of the peak at which `linear` and `cosine` end.",
              non_negative,
              at_most(1)),
    };
  }
};

}  // namespace ropewalk
