// Which fields the objects rope_scaling and rope_parameters may have, by kind.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/rope/rope_parameters.h"

namespace ropewalk {

// Heard for this kind, whether it changes anything or not.
bool belongs_to_kind(const std::string& key, RopeKind kind);
// Of all kinds.
std::vector<std::string> known_rope_keys();

}  // namespace ropewalk
