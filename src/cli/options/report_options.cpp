#include "cli/options/report_options.h"

namespace ropewalk::cli {

void declare_report_options(CLI::App& app, ReportOptions& options) {
  app.add_option("runs", options.runs, "Run directories: train.run_dir of each run")
      ->required()
      ->type_name("RUN_DIR");
  app.add_option("-o,--output", options.output, "The page to write")
      ->type_name("FILE.html")
      ->capture_default_str();
  app.add_option("--figures", options.figures, "Write each picture as an SVG file into this folder")
      ->type_name("DIR");
  app.add_option(
         "--eval",
         options.evaluations,
         "What `eval perplexity`, `passkey`, `needle` or `recall` wrote with --json, beside "
         "those in RUN_DIR/eval; NAME stands in legends, without it the file's own; may be "
         "repeated")
      ->type_name("[NAME=]FILE.json")
      ->allow_extra_args(false);
}

}  // namespace ropewalk::cli
