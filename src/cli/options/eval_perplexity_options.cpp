#include "cli/options/eval_perplexity_options.h"

namespace ropewalk::cli {

void declare_eval_perplexity_options(CLI::App& app, EvalPerplexityOptions& options) {
  declare_evaluated_model(app, options.model);
  app.add_option("--data", options.data, "Folder of token shards; may be repeated")
      ->required()
      ->type_name("DIR")
      ->allow_extra_args(false);
  app.add_option("--windows", options.windows, "Window lengths in tokens, such as 128,256,1024")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(int64_t{2}, int64_t{1} << 40));
  app.add_option(
         "--protocol",
         options.protocol,
         "How windows are laid and averaged: pi, yarn, yarn_truncate or longlora, as those papers' "
         "authors do; their numbers do not compare with each other")
      ->capture_default_str();
  app.add_option(
         "--stride",
         options.stride,
         "Tokens from one window's begin to the next; 0 = 256, or the window where that is less")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--max-documents", options.max_documents, "Use only the first N; 0 = all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--json", options.json, "Write the results here")->type_name("FILE");
  app.add_option("--plot", options.plot, "Draw perplexity over window length here")
      ->type_name("FILE.svg");
  app.add_option("--position-plot",
                 options.position_plot,
                 "Draw loss over the position inside the longest window here")
      ->type_name("FILE.svg");
}

}  // namespace ropewalk::cli
