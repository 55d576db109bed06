#include "ropewalk/rope/scaling_name.h"

#include "ropewalk/base/text.h"

namespace ropewalk {

std::string scaling_name(const std::string& kind, double factor) {
  return factor == 1 ? "unscaled" : kind + " x" + format_number(factor);
}

}  // namespace ropewalk
