// Tells good steps from bad ones, by numbers that are the same on every rank and by what was
// before: all ranks come to the same verdict, and so does a run that was resumed in between.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ropewalk/train/bad_steps_config.h"

namespace ropewalk {

// Belongs into checkpoints.
struct StepHistory {
  std::vector<double>
      losses;  // of good steps, the last ones; only kept where spikes are looked for
  int64_t last_bad_step = 0;
  int64_t bad_in_a_row = 0;
};

class StepJudge {
 public:
  // `history` must outlive the judge.
  StepJudge(const BadStepsConfig& config, StepHistory& history)
      : config_(config), history_(history) {}

  // Why the step is bad; empty: it is good.
  std::string fault_of(double loss, double grad_norm) const;

  // Takes the step into the history. Returns whether the run may go on.
  bool note(int64_t step, double loss, bool is_good);

 private:
  BadStepsConfig config_;
  StepHistory& history_;
};

}  // namespace ropewalk
