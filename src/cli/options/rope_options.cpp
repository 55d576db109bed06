#include "cli/options/rope_options.h"

namespace ropewalk::cli {

void declare_rope_options(CLI::App& app, RopeOptions& options) {
  app.add_option("path", options.path, "Checkpoint, its config.json, or a run config")
      ->required()
      ->type_name("CHECKPOINT|RUN.json");
  app.add_flag("--json", options.json, "Print JSON");
  app.add_option("--plot", options.plot, "Picture of the wavelengths to write")
      ->type_name("FILE.svg");
}

}  // namespace ropewalk::cli
