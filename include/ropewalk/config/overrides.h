// `--set a.b=v`: assignments from the command line, written into the config before it is read, so
// that file and flag go through the same checks.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/base/json.h"

namespace ropewalk {

// v is JSON if it parses, else a string. Sections that are missing are made; null unsets. Throws
// ConfigError, naming every assignment that has no '=', an empty key, or goes into a value that is
// not a section.
Json apply_overrides(Json config, const std::vector<std::string>& assignments);

}  // namespace ropewalk
