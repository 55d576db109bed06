#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::cli {

int run_tokenize(const TokenizeOptions&) { throw Error("tokenize: not built yet", kExitFailure); }

}  // namespace ropewalk::cli
