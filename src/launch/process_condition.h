// What the kernel says of a process that does not move; private to launch.
#pragma once

#include <sys/types.h>

#include <string>

namespace ropewalk {

struct ProcessCondition {
  char state = '?';      // as in /proc: R, S, D, T, ...
  bool is_held = false;  // by a debugger, or by the kernel that writes its core
};

ProcessCondition condition_of(pid_t pid);
// "; the process is stopped (SIGSTOP or SIGTSTP)"; empty where there is nothing to tell.
std::string explain(const ProcessCondition& condition);

}  // namespace ropewalk
