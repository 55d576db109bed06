// A field inside a JSON value by its path: names with dots between, list indices in brackets.
#pragma once

#include <string_view>

#include "ropewalk/base/json.h"

namespace ropewalk {

// Null when there is none. "meta.body.text", "parts[0].text"; at every level the longest field that
// bears the rest of the path literally as its name is taken first.
const Json* find_field(const Json& value, std::string_view path);

}  // namespace ropewalk
