// One rank as a child process; private to launch.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>

#include "launch/rendezvous.h"
#include "ropewalk/launch/local_agent.h"

namespace ropewalk {

struct RankProcess {
  pid_t pid = -1;
  bool running = false;
  std::optional<int> exit_code;  // empty when a signal ended it
  int signal = 0;
  bool failed_by_itself = false;

  // Takes the end of this process from the kernel; false while it runs.
  bool reap(bool wait = false);
};

// Fork and exec; returns after the exec succeeded, throws IoError when it did not.
// `local_rank`: among those of this machine.
RankProcess start_rank(const AgentOptions& options,
                       const StorePlace& store,
                       int local_rank,
                       const sigset_t& signal_mask);

}  // namespace ropewalk
