#include "launch/process_condition.h"

#include <fstream>

namespace ropewalk {

ProcessCondition condition_of(pid_t pid) {
  ProcessCondition condition;
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string name; status >> name;) {
    std::string value;
    std::getline(status >> std::ws, value);
    if (name == "State:" && !value.empty()) condition.state = value.front();
    if (name == "TracerPid:" || name == "CoreDumping:") {
      condition.is_held = condition.is_held || value != "0";
    }
  }
  return condition;
}

std::string explain(const ProcessCondition& condition) {
  if (condition.state == 'T') return "; the process is stopped (SIGSTOP or SIGTSTP)";
  if (condition.state == 'D') return "; the process waits in the kernel, for a disk or a device";
  return "";
}

}  // namespace ropewalk
