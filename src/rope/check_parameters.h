// What make_rope_table needs of its parameters, whoever made them.
#pragma once

#include "ropewalk/rope/rope_parameters.h"

namespace ropewalk {

// Throws ConfigError naming the kind and the parameter that is missing or impossible.
void check_rope_parameters(const RopeParameters& rope);

}  // namespace ropewalk
