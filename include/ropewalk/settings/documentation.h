// What the declared settings say to people and to editors.
#pragma once

#include <string>

#include "ropewalk/base/json.h"

namespace ropewalk {

// JSON Schema of run configs. It states what single keys may hold; rules over several keys are
// checked by `ropewalk config validate`.
Json run_config_schema();

// docs/config_reference.md.
std::string run_config_reference();

}  // namespace ropewalk
