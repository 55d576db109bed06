// Which settings make a run fit, and which of those is the fastest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ropewalk/plan/memory.h"
#include "ropewalk/plan/step_time.h"

namespace ropewalk::plan {

struct Advice {
  RunShape shape;
  // Settings that differ from the given shape's: {"parallel.recompute", "block"}.
  std::vector<std::pair<std::string, std::string>> changes;
  MemoryPlan memory;
  StepTime time;
};

struct Limits {
  Hardware hardware;
  int64_t memory_bytes = 0;  // of one rank
};

// Of all settings of sharding, recomputation, context parallelism, offloading and the micro-batch
// with which the shape's sequence fits and 5 % of the memory stay free, those with the shortest
// predicted step; of those within 1 % of it, the ones with the fewest changes. The given settings
// need leave nothing free. Nothing when none fits.
std::optional<Advice> cheapest_that_fits(const DecoderSpec& spec,
                                         const RunShape& shape,
                                         const Limits& limits);

// The smallest multiple of the shape's ranks, by doubling, with which it fits under some settings.
std::optional<int64_t> ranks_that_fit(const DecoderSpec& spec,
                                      const RunShape& shape,
                                      const Limits& limits);

}  // namespace ropewalk::plan
