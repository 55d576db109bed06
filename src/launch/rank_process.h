// One rank as a child process; private to launch.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <memory>
#include <optional>

#include "launch/attempt.h"
#include "launch/clock.h"
#include "launch/rank_page.h"
#include "launch/rendezvous.h"
#include "ropewalk/launch/local_agent.h"

namespace ropewalk {

struct RankProcess {
  pid_t pid = -1;
  bool running = false;
  std::optional<int> exit_code;  // empty when a signal ended it
  int signal = 0;
  bool failed_by_itself = false;
  std::unique_ptr<RankPage> page;

  // Takes the end of this process from the kernel; false while it runs.
  bool reap(bool wait = false);
};

// What the ranks of an attempt have in common.
struct RankStart {
  const AgentOptions& options;
  const Attempt& attempt;
  const StorePlace& store;
  const sigset_t& signal_mask;
  Clock::time_point job_begun;
};

// Fork and exec; returns after the exec succeeded, throws IoError when it did not.
// `local_rank`: among those of this machine.
RankProcess start_rank(const RankStart& start, int local_rank);

}  // namespace ropewalk
