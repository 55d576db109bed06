#include "cli/options/inspect_options.h"

namespace ropewalk::cli {

void declare_inspect_options(CLI::App& app, InspectOptions& options) {
  app.add_option("path", options.path, "Checkpoint, token file, run config or run directory")
      ->type_name("PATH");
  app.add_flag("--families", options.families, "List the known values of model_type instead");
  app.add_option("--eos-id",
                 options.eos_id,
                 "End-of-text id that separates the documents of nanoGPT's, llm.c's or Megatron's "
                 "token files")
      ->check(CLI::NonNegativeNumber)
      ->type_name("ID");
  app.add_flag("--json", options.json, "Print JSON");
  app.callback([&options] {
    if (options.path.empty() == !options.families) {
      throw CLI::RequiredError("either PATH or --families");
    }
  });
}

}  // namespace ropewalk::cli
