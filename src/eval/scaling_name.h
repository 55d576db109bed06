#pragma once

#include <string>

namespace ropewalk {

// "unscaled", "linear x8".
std::string scaling_name(const std::string& kind, double factor);

}  // namespace ropewalk
