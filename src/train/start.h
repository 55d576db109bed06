// How a run begins: fresh, from a checkpoint, or not at all.
#pragma once

#include <memory>
#include <optional>

#include "ropewalk/checkpoint/checkpointer.h"
#include "ropewalk/train/run_directory.h"
#include "ropewalk/train/trainer.h"

namespace ropewalk {

// Opens and locks the directory (rank 0; null elsewhere) and refuses a start that would mix two
// runs: checkpoints that are there without --resume or --overwrite, settings that differ from the
// stored ones on resume. Collective.
std::unique_ptr<RunDirectory> open_run_directory(const RunConfig& config,
                                                 const StartOptions& start,
                                                 dist::Group& group);

// The checkpoint that `start` names, verified. Nothing: the run begins at step 0. Collective.
std::optional<FoundCheckpoint> find_start(Checkpointer& checkpointer, const StartOptions& start);

// Loads it; returns its step. Throws CheckpointError when its positions are not this run's.
// Collective.
int64_t load_start(Checkpointer& checkpointer, const FoundCheckpoint& found);

}  // namespace ropewalk
