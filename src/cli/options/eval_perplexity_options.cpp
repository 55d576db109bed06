#include "cli/options/eval_perplexity_options.h"

#include "cli/options/common_options.h"

namespace ropewalk::cli {

void declare_eval_perplexity_options(CLI::App& app, EvalPerplexityOptions& options) {
  app.add_option("checkpoint", options.checkpoint, "Checkpoint: a Hugging Face model directory")
      ->required()
      ->type_name("CHECKPOINT");
  app.add_option("--data", options.data, "Folder of token shards; may be repeated")
      ->required()
      ->type_name("DIR")
      ->allow_extra_args(false);
  app.add_option("--windows", options.windows, "Window lengths in tokens, such as 128,256,1024")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(int64_t{2}, int64_t{1} << 40));
  CLI::Option* factors = app.add_option(
      "--factors",
      options.factors,
      "Total scaling factors to use instead of the checkpoint's own scaling, such as 1,8");
  factors->delimiter(',')->allow_extra_args(false);
  app.add_option("--scaling", options.scaling, "Kind of position scaling that --factors apply")
      ->capture_default_str()
      ->needs(factors);
  app.add_option(
         "--stride",
         options.stride,
         "Tokens from one window's begin to the next; 0 = 256, or the window where that is less")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--max-documents", options.max_documents, "Use only the first N; 0 = all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  add_threads_option(app, options.threads);
  app.add_option("--json", options.json, "Write the results here")->type_name("FILE");
  app.add_option("--plot", options.plot, "Draw perplexity over window length here")
      ->type_name("FILE.svg");
}

}  // namespace ropewalk::cli
