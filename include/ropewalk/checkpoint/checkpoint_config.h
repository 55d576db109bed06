// Section `checkpoint` of a run config.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

// What a run does when a checkpoint cannot be written.
enum class SaveFailure { kStop, kGoOn };

constexpr auto enum_names(SaveFailure) {
  return std::array{named(SaveFailure::kStop, "stop"), named(SaveFailure::kGoOn, "go_on")};
}

struct CheckpointConfig {
  int64_t every_steps = 100;
  int64_t keep = 2;
  bool async_save = false;
  SaveFailure on_failure = SaveFailure::kStop;

  static constexpr auto fields() {
    using namespace rules;
    return std::tuple{
        field("every_steps",
              &CheckpointConfig::every_steps,
              "Steps between two checkpoints; 0 = only the last step.",
              non_negative),
        field("keep",
              &CheckpointConfig::keep,
              "How many of the newest checkpoints stay on disk, at least 2; 0 = all.",
              non_negative),
        field("async_save",
              &CheckpointConfig::async_save,
              "Write checkpoints while training goes on. Takes host memory for a copy of what a "
              "rank writes; the last step's is waited for."),
        field("on_failure",
              &CheckpointConfig::on_failure,
              "When a checkpoint cannot be written: end the run, or go on and try again when the "
              "next one is due. The last one always ends it."),
    };
  }
  void check(Diagnostics& d) const {
    if (keep == 1) {
      d.error("keep",
              "found 1, expected at least 2, or 0 for all: should the newest turn out damaged, the "
              "run goes on from the one before it");
    }
  }
};

}  // namespace ropewalk
