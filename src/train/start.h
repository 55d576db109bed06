// How a run begins: fresh, from a checkpoint, or not at all.
#pragma once

#include <memory>
#include <optional>

#include "ropewalk/checkpoint/checkpointer.h"
#include "ropewalk/train/run_directory.h"
#include "ropewalk/train/trainer.h"

namespace ropewalk {

// Looks at the directory and locks a run that is there (rank 0; null elsewhere). Nothing is made.
// Throws ConfigError when there are checkpoints and neither --resume nor --overwrite is given.
// Collective.
std::unique_ptr<RunDirectory> look_at_run_directory(const RunConfig& config,
                                                    const StartOptions& start,
                                                    dist::Group& group);

// Makes and locks it, unless another start was faster. `directory`: rank 0's. Collective.
void make_run_directory(RunDirectory* directory, const StartOptions& start, dist::Group& group);

// The checkpoint that `start` names, verified. Nothing: the run begins at step 0. Passes over one
// from which starts have twice ended before a step was done, once; a start that names it takes it.
// Throws ConfigError with every setting that may not differ from the checkpoint's own and does, or
// with what sets its model or its positions apart from this run's. Collective.
std::optional<FoundCheckpoint> find_start(Checkpointer& checkpointer,
                                          const TrainInputs& inputs,
                                          const StartOptions& start,
                                          dist::Group& group);

// Loads it. Until note_first_step the start counts as one that came to nothing. Collective.
void load_start(Checkpointer& checkpointer,
                const FoundCheckpoint& found,
                const TrainInputs& inputs,
                dist::Group& group);

// A step has been done since `found` was loaded. Rank 0.
void note_first_step(const FoundCheckpoint& found, const TrainInputs& inputs, int num_ranks);

}  // namespace ropewalk
