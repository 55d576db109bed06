// What a person sees of a `prepare` under way, on standard error: on a terminal one line that
// rewrites itself, elsewhere a line of log every half minute.
#pragma once

#include <chrono>
#include <string>

#include "ropewalk/base/terminal_line.h"
#include "ropewalk/data/prepare.h"

namespace ropewalk::cli {

// "[####....] 20%  1.2 GiB of 6 GiB  12,345 documents  3,400,000 tokens  8.1 MB/s  eta 2m03s".
// Rates are those of this process, whatever interrupted ones did before.
std::string prepare_line(const PrepareProgress& progress, double elapsed_s);

class PrepareView {
 public:
  void update(const PrepareProgress& progress);
  void tell(const std::string& text);  // a line that stays
  void clear() { line_.clear(); }
  double elapsed_s() const;

 private:
  using Clock = std::chrono::steady_clock;

  TerminalLine line_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point last_ = begin_;
};

}  // namespace ropewalk::cli
