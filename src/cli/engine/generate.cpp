#include "cli/engine/engine_commands.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::cli {

int run_generate(const GenerateOptions&) { throw Error("generate: not built yet", kExitFailure); }

}  // namespace ropewalk::cli
