#include "cli/options/eval_compare_options.h"

namespace ropewalk::cli {

void declare_eval_compare_options(CLI::App& app, EvalCompareOptions& options) {
  app.add_option("results",
                 options.results,
                 "What `eval perplexity --json` wrote, each with the name of its rows")
      ->required()
      ->type_name("NAME=FILE.json");
  app.add_option("--title", options.title, "Small line under the picture's title");
  app.add_option("--plot", options.plot, "Draw perplexity over window length here")
      ->type_name("FILE.svg");
}

}  // namespace ropewalk::cli
