#include "cli/engine/engine_commands.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::cli {

int run_export(const ExportOptions&) { throw Error("export: not built yet", kExitFailure); }

}  // namespace ropewalk::cli
