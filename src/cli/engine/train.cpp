#include "cli/engine/engine_commands.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::cli {

int run_train(const TrainOptions&) { throw Error("train: not built yet", kExitFailure); }

}  // namespace ropewalk::cli
