// Things that happen at step borders. The trainer calls them in the order in which they were added;
// each is called on every rank, so that it may be collective.
#pragma once

#include "ropewalk/train/step_report.h"

namespace ropewalk {

struct StepBorder {
  StepReport report;
  bool last = false;            // of the run
  bool stopping = false;        // on a signal: the process ends once what must not be lost is saved
  bool save_requested = false;  // the file `save-now`
  bool save_failed = false;     // of a checkpoint that was written in the background
};

// Due every `every_steps` steps (0 = never) and at the run's last step.
inline bool is_due(const StepBorder& border, int64_t every_steps) {
  return border.last || (every_steps > 0 && border.report.step % every_steps == 0);
}

class Callback {
 public:
  virtual ~Callback() = default;
  // Of a run that did not resume.
  virtual void before_first_step() {}
  virtual void after_step(const StepBorder& border) = 0;
};

}  // namespace ropewalk
