#include "cli/options/config_options.h"

#include "cli/options/common_options.h"

namespace ropewalk::cli {

void declare_config_file_options(CLI::App& app, ConfigFileOptions& options) {
  app.add_option("run_config", options.run_config, "Run config (JSON)")
      ->required()
      ->type_name("RUN.json");
  add_set_option(app, options.set);
}

void declare_config_print_options(CLI::App& app, ConfigPrintOptions& options) {
  declare_config_file_options(app, options.file);
  app.add_option("--stage", options.stage, "Of a run config with stages: which one, from 1")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
}

void declare_config_text_options(CLI::App&, ConfigTextOptions&) {}

}  // namespace ropewalk::cli
