#include "cli/engine/engine_commands.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::cli {

int run_eval_perplexity(const EvalPerplexityOptions&) { throw Error("eval_perplexity: not built yet", kExitFailure); }

}  // namespace ropewalk::cli
