#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::cli {

int run_verify(const VerifyOptions&) { throw Error("verify: not built yet", kExitFailure); }

}  // namespace ropewalk::cli
