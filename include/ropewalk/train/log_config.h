// Section `log` of a run config.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

struct LogConfig {
  int64_t every_steps = 10;
  bool tensorboard = true;

  static constexpr auto fields() {
    using namespace rules;
    return std::tuple{
        field("every_steps",
              &LogConfig::every_steps,
              "Steps between two lines of metrics; 0 = only the last step.",
              non_negative),
        field("tensorboard",
              &LogConfig::tensorboard,
              "Write TensorBoard event files into the run directory."),
    };
  }
};

}  // namespace ropewalk
