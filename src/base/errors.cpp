#include "ropewalk/base/errors.h"

namespace ropewalk {

void check_failed(const char* condition, const char* file, int line, const std::string& text) {
  throw std::logic_error(std::string("internal error at ") + file + ":" + std::to_string(line) +
                         ": " + text + " (" + condition + " does not hold); please report it");
}

}  // namespace ropewalk
