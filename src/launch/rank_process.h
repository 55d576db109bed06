// One rank as a child process, and the store's socket; private to launch.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>

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

// A TCP socket that listens on 127.0.0.1 at a port of the kernel's choice.
class StoreSocket {
 public:
  StoreSocket();
  ~StoreSocket();
  StoreSocket(const StoreSocket&) = delete;
  StoreSocket& operator=(const StoreSocket&) = delete;
  int descriptor() const { return descriptor_; }
  int port() const { return port_; }

 private:
  int descriptor_ = -1;
  int port_ = 0;
};

// Fork and exec; returns after the exec succeeded, throws IoError when it did not.
RankProcess start_rank(const AgentOptions& options,
                       const StoreSocket& store,
                       int rank,
                       const sigset_t& signal_mask);

}  // namespace ropewalk
