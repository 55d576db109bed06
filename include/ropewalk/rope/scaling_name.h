// How a scaling is called in tables and pictures.
#pragma once

#include <string>

namespace ropewalk {

// "unscaled", "linear x8".
std::string scaling_name(const std::string& kind, double factor);

}  // namespace ropewalk
