#include "launch/agent_signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/signals.h"

namespace ropewalk {

AgentSignals::AgentSignals() {
  sigset_t waited{};
  ::sigemptyset(&waited);
  ::sigaddset(&waited, SIGCHLD);
  for (const int number : kStopSignals) ::sigaddset(&waited, number);
  arrived_ = Socket(::signalfd(-1, &waited, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!arrived_) throw IoError(std::string("waiting for signals: ") + std::strerror(errno));
  ::sigprocmask(SIG_BLOCK, &waited, &before_);
  // With SIGCHLD ignored, as some parents leave it, the kernel would keep no exit codes.
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &action, &before_child_);
}

AgentSignals::~AgentSignals() {
  ::sigaction(SIGCHLD, &before_child_, nullptr);
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> AgentSignals::next() {
  signalfd_siginfo info{};
  if (::read(arrived_.get(), &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) {
    return std::nullopt;
  }
  return static_cast<int>(info.ssi_signo);
}

}  // namespace ropewalk
