// The rendezvous store; private to dist.
#pragma once

#include <chrono>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "ropewalk/launch/rank_environment.h"

namespace ropewalk::dist {

// Joins (rank 0: serves) the store that `environment` names, and returns when all ranks of the job
// have. Never listens on an address that was not asked for. Before anything else goes through the
// store, each rank has compared its job and world size with rank 0's and taken its number; what
// follows is kept under the job's nonce. Throws DistError when that does not fit, or when ranks are
// missing after `timeout`.
c10::intrusive_ptr<c10d::Store> join_store(const RankEnvironment& environment,
                                           std::chrono::milliseconds timeout);

// The address of this machine's interface that leads to `host`.
std::string address_towards(const std::string& host, int port);

// torch's errors carry a backtrace below their first line.
std::string first_line(const std::string& text);

}  // namespace ropewalk::dist
