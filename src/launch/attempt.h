// One start of the job's ranks on all machines; private to launch.
#pragma once

#include <algorithm>
#include <string>

namespace ropewalk {

// What the ranks of a job have told of it so far; decides with which words it is started again.
enum class JobProgress { kNone, kSteps, kSaved };

struct Attempt {
  int number = 0;  // 0: the first start, n: the n-th restart
  JobProgress progress = JobProgress::kNone;
  std::string nonce;  // known to the ranks of this attempt only
};

// How an attempt ended on one machine, or on all.
struct AttemptEnd {
  int exit_code = 0;
  bool may_restart = false;
  JobProgress progress = JobProgress::kNone;
};

}  // namespace ropewalk
