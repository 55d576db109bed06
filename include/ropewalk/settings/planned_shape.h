// From a run config to what the plan of its memory and time is made of.
#pragma once

#include "ropewalk/plan/run_shape.h"
#include "ropewalk/settings/run_config.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

// Of a run on so many ranks, whose model is `spec` (of with_lora); what the machine decides
// (device, ranks_per_machine) is left as it is.
plan::RunShape planned_shape(const RunConfig& config, const DecoderSpec& spec, int64_t ranks);

}  // namespace ropewalk
