// Starts the ranks of one machine and watches them. The ranks are direct children in the agent's
// process group and end with it however it ends. The rendezvous store's socket is bound before any
// rank exists and handed to rank 0: to 127.0.0.1, so that nothing listens outside, or with several
// machines to the rendezvous address alone (nodes.h). No port race.
//
// Ranks that tell what they do (base/progress.h) are watched: one that shows no sign of life, or
// stands still within a step, is named and counts as failed.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/launch/nodes.h"

namespace ropewalk {

struct HangLimits {
  // Within how long a rank that hangs is noticed; steps that are long make it longer. 0: never.
  double hang_s = 10.0;
  // Instead, while it is not known how long steps are. 0: no limit.
  double first_steps_s = 0.0;
};

struct RestartOptions {
  // After a failure that was neither a stop nor bad input. Those of node 0 count.
  int max_restarts = 0;
  double pause_s = 1.0;
  // Instead of AgentOptions::command, from when on ranks have told of a finished step, or of a
  // durable checkpoint. Empty: the same.
  std::vector<std::string> command_after_step, command_after_save;
};

struct AgentOptions {
  std::vector<std::string> command;  // program (a path) and its arguments, the same for each rank
  int num_ranks = 1;                 // on this machine, and on each of the others
  std::vector<std::string> environment;  // "NAME=value", added to every rank's
  NodeOptions nodes;
  // After one rank failed: how long the others have between SIGTERM and SIGKILL.
  double grace_s = 5.0;
  // Two stop signals within this time count as one (base/signals.h).
  double duplicate_window_s = 1.0;
  // The command lets stop signals in when it is ready for them: none is lost while it starts.
  bool starts_with_stop_signals_blocked = false;
  HangLimits hang;
  RestartOptions restart;
};

// Blocks until every rank has ended, on the other machines too; call it from a process with one
// thread. Returns kExitDone when all ranks did, kExitStopped when all stopped after saving,
// otherwise the code of the failure: kExitBadInput if a rank that failed by itself said so, else
// kExitFailure. The first stop signal (base/signals.h) is forwarded to all ranks, which save and
// end in their own time; the second kills them. Throws ConfigError for impossible options and for
// machines that were started with different ones, IoError when ranks cannot be started, DistError
// when the machines do not find each other.
int run_local_agent(const AgentOptions& options);

}  // namespace ropewalk
