// Section `checkpoint` of a run config.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

struct CheckpointConfig {
  int64_t every_steps = 100;
  int64_t keep = 2;

  static constexpr auto fields() {
    using namespace rules;
    return std::tuple{
        field("every_steps",
              &CheckpointConfig::every_steps,
              "Steps between two checkpoints; 0 = only the last step.",
              non_negative),
        field("keep",
              &CheckpointConfig::keep,
              "How many of the newest checkpoints stay on disk; 0 = all.",
              non_negative),
    };
  }
};

}  // namespace ropewalk
