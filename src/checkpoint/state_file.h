// trainer/state.json: every number of a training state that is not in a tensor.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/checkpoint/stateful.h"
#include "ropewalk/rope/rope_parameters.h"

namespace ropewalk {

struct StateFields {
  int64_t step = 0;
  Json settings;     // of the run
  Json environment;  // describe_environment
};

// The owners' state as it is now.
std::string state_text(const StateFields& fields,
                       const std::vector<Stateful*>& owners,
                       const RopeParameters& rope);

// Throws CheckpointError for what another program or version wrote, and where a field is missing.
Json read_state(const std::filesystem::path& checkpoint);

}  // namespace ropewalk
