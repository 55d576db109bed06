#include "cli/options/inspect_options.h"

namespace ropewalk::cli {

void declare_inspect_options(CLI::App& app, InspectOptions& options) {
  CLI::Option_group* target = app.add_option_group("what");
  target->add_option("path", options.path, "Checkpoint, token shard, run config or run directory")
      ->type_name("PATH");
  target->add_flag("--families", options.families, "List the known values of model_type instead");
  target->require_option(1);
  app.add_flag("--json", options.json, "Print JSON");
}

}  // namespace ropewalk::cli
