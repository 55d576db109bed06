// The signals an agent waits for, as a descriptor beside those of its connections; private to
// launch.
#pragma once

#include <signal.h>

#include <optional>

#include "launch/sockets.h"

namespace ropewalk {

// Blocks SIGCHLD and the stop signals (base/signals.h) for the process; the ranks get the old mask
// back.
class AgentSignals {
 public:
  AgentSignals();
  ~AgentSignals();
  AgentSignals(const AgentSignals&) = delete;
  AgentSignals& operator=(const AgentSignals&) = delete;

  const sigset_t& mask_before() const { return before_; }
  // Readable when a signal waits.
  int descriptor() const { return arrived_.get(); }
  // The next signal that has come; does not wait.
  std::optional<int> next();

 private:
  sigset_t before_{};
  struct sigaction before_child_ {};
  Socket arrived_;
};

}  // namespace ropewalk
