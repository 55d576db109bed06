// One checkpoint to be written: all that writing needs, whichever thread does it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "checkpoint/run_checkpoints.h"
#include "checkpoint/save_plan.h"
#include "ropewalk/checkpoint/checkpointer.h"
#include "ropewalk/dist/group.h"

namespace ropewalk {

struct SaveWork {
  int64_t step = 0;
  SavePlan plan;
  std::string state;                 // state.json
  std::shared_ptr<dist::Group> all;  // the ranks
  Writers writers;                   // those of `all` that write tensors
};

// Writes the files to a temporary folder and publishes it: durable on return. What goes wrong on
// one rank is thrown on every rank, and the temporary folder is removed; IoError names path and
// needed bytes. Collective.
void write_checkpoint(const SaveWork& work,
                      const CheckpointerOptions& options,
                      RunCheckpoints& checkpoints);

}  // namespace ropewalk
