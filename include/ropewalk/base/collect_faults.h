// Goes on after a fault, so that one report names what is wrong in every input.
#pragma once

#include <functional>
#include <string>

#include "ropewalk/base/diagnostics.h"

namespace ropewalk {

// Runs `check`; bad input that it throws (exit code 2) becomes an error of `faults` at `where`, and
// false is returned. Anything else is thrown on.
bool collect_faults(Diagnostics& faults,
                    const std::string& where,
                    const std::function<void()>& check);

}  // namespace ropewalk
