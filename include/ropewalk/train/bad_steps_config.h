// Section `train.bad_steps` of a run config.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

// What follows a bad step, whose update is never made.
enum class BadStepAction { kStop, kSkip, kRollBack };

constexpr auto enum_names(BadStepAction) {
  return std::array{named(BadStepAction::kStop, "stop"),
                    named(BadStepAction::kSkip, "skip"),
                    named(BadStepAction::kRollBack, "roll_back")};
}

struct BadStepsConfig {
  BadStepAction action = BadStepAction::kStop;
  int64_t max_in_a_row = 5;
  double loss_spike_factor = 0.0;

  static constexpr auto fields() {
    using namespace rules;
    return std::tuple{
        field(
            "action",
            &BadStepsConfig::action,
            "After a step whose loss or gradient is not finite, or whose loss is a spike: end the "
            "run, leave the update out, or go back to the last checkpoint and pass over the "
            "samples in between. The step's samples are listed in bad_steps.jsonl."),
        field("max_in_a_row",
              &BadStepsConfig::max_in_a_row,
              "With `skip` and `roll_back`: the run ends when this many bad steps come without a "
              "good one later than all of them.",
              positive),
        field(
            "loss_spike_factor",
            &BadStepsConfig::loss_spike_factor,
            "A loss is a spike when it is more than this many times the median of the last 64 good "
            "steps, once there are 16; 0 = never.",
            non_negative),
    };
  }
  void check(Diagnostics& d) const {
    if (loss_spike_factor > 0 && loss_spike_factor <= 1) {
      d.error("loss_spike_factor",
              "expected more than 1, or 0 for never: half of all steps are above the median");
    }
  }
};

}  // namespace ropewalk
