// How the ranks of a job make sure of each other before they exchange anything; private to dist.
#pragma once

#include <chrono>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "ropewalk/launch/rank_environment.h"

namespace ropewalk::dist {

// "rank 1 of 4"
std::string name_of(const RankEnvironment& environment);

// Compares this rank's job and world size with rank 0's and takes its number, of which each is
// given once; then waits until all have. Returns a view of the store that only ranks of this job
// share. Throws DistError that names the fault.
c10::intrusive_ptr<c10d::Store> register_rank(const c10::intrusive_ptr<c10d::Store>& store,
                                              const RankEnvironment& environment,
                                              std::chrono::milliseconds timeout);

}  // namespace ropewalk::dist
