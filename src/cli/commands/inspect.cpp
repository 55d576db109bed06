#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::cli {

int run_inspect(const InspectOptions&) { throw Error("inspect: not built yet", kExitFailure); }

}  // namespace ropewalk::cli
