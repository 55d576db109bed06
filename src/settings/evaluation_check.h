// Section `eval` against the model, the validation shards and a stage's gate.
#pragma once

#include "ropewalk/settings/stages.h"
#include "ropewalk/settings/train_inputs.h"

namespace ropewalk {

// `eval.windows` left empty means the training length.
EvalConfig evaluation_in_force(const RunConfig& config, const DecoderSpec& spec);

// Windows that no document fills, factors that the model's positions cannot have, numbers that a
// gate asks for and nothing measures. `inputs` has all but the samples.
void check_evaluation(const TrainInputs& inputs,
                      const std::vector<Gate>& gates,
                      Diagnostics& faults);

}  // namespace ropewalk
