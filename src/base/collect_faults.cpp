#include "ropewalk/base/collect_faults.h"

#include "ropewalk/base/errors.h"

namespace ropewalk {

bool collect_faults(Diagnostics& faults,
                    const std::string& where,
                    const std::function<void()>& check) {
  try {
    check();
    return true;
  } catch (const Error& error) {
    if (error.exit_code() != kExitBadInput) throw;
    faults.error(where, error.what());
    return false;
  }
}

}  // namespace ropewalk
