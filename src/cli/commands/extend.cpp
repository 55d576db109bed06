#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::cli {

int run_extend(const ExtendOptions&) { throw Error("extend: not built yet", kExitFailure); }

}  // namespace ropewalk::cli
