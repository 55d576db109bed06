#include "cli/options/verify_options.h"

namespace ropewalk::cli {

void declare_verify_options(CLI::App& app, VerifyOptions& options) {
  app.add_option("path", options.path, "Checkpoint, model directory, token file or their folder")
      ->required()
      ->type_name("PATH");
}

}  // namespace ropewalk::cli
