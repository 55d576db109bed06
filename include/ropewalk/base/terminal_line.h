// A line on standard error that rewrites itself, as long as that is a terminal.
#pragma once

#include <string>

namespace ropewalk {

// "[#####...............]": `done` of `total`, at most all of it; total > 0.
std::string progress_bar(double done, double total);

class TerminalLine {
 public:
  TerminalLine();
  ~TerminalLine() { clear(); }
  TerminalLine(const TerminalLine&) = delete;
  TerminalLine& operator=(const TerminalLine&) = delete;

  // Without a terminal nothing is shown.
  bool on_terminal() const { return on_terminal_; }
  void show(const std::string& text);
  // Takes it away: to be called before anything else is written there.
  void clear();

 private:
  const bool on_terminal_;
  bool is_shown_ = false;
};

}  // namespace ropewalk
