// Foreign layouts as row orders.
#pragma once

#include "ropewalk/spec/family.h"
#include "ropewalk/spec/parameters.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {

// Sets shape, row order and transposition of a slice that is yet plain.
void apply_layout(WeightLayout layout,
                  const DecoderSpec& spec,
                  const ParameterShape& parameter,
                  WeightSlice& slice);

}  // namespace ropewalk
