#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::cli {

int run_prepare(const PrepareOptions&) { throw Error("prepare: not built yet", kExitFailure); }

}  // namespace ropewalk::cli
