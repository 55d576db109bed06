#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::cli {

int run_config_validate(const ConfigFileOptions&) { throw Error("not built yet", kExitFailure); }
int run_config_print(const ConfigFileOptions&) { throw Error("not built yet", kExitFailure); }
int run_config_schema(const ConfigTextOptions&) { throw Error("not built yet", kExitFailure); }
int run_config_reference(const ConfigTextOptions&) { throw Error("not built yet", kExitFailure); }

}  // namespace ropewalk::cli
