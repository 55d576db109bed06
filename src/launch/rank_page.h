// The memory through which a rank tells its agent what it is doing (base/progress.h); private to
// launch.
#pragma once

#include "launch/sockets.h"
#include "ropewalk/base/progress.h"

namespace ropewalk {

// What a page said when it was read.
struct RankState {
  bool begun = false;  // the rank has told anything at all
  uint64_t beats = 0;
  uint64_t changes = 0;
  int64_t step = 0;
  double step_s = 0;  // median length of the latest ones; 0: too few were made
  int64_t saved_step = 0;
  bool waits = false;  // for other ranks
  Phase phase = Phase::kStarting;
};

class RankPage {
 public:
  // Throws IoError.
  RankPage();
  ~RankPage();
  RankPage(const RankPage&) = delete;
  RankPage& operator=(const RankPage&) = delete;

  // For the rank, which inherits it.
  int descriptor() const { return memory_.get(); }
  RankState read() const;

 private:
  Socket memory_;
  ProgressPage* page_;
};

}  // namespace ropewalk
