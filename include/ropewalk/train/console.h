// What a person watching a run sees: one line per logged step on standard error, and between them,
// on a terminal only, one live line that is rewritten in place.
#pragma once

#include <string>

#include "ropewalk/base/terminal_line.h"
#include "ropewalk/train/step_report.h"

namespace ropewalk {

// "step 120/1000  loss 2.7183  grad 0.412  lr 2.00e-05  41,300 tok/s (20,650/rank)  mfu 61.2%  mem
// 1.4 GiB  eta 12m03s"
std::string step_line(const StepReport& report);

class Console {
 public:
  void live(const StepReport& report);  // no-op when standard error is not a terminal
  void line(const std::string& text);   // clears the live line first

 private:
  TerminalLine line_;
};

}  // namespace ropewalk
