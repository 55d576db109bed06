#include "cli/options/eval_recall_options.h"

namespace ropewalk::cli {

void declare_eval_recall_options(CLI::App& app, EvalRecallOptions& options) {
  declare_evaluated_model(app, options.model);
  add_lengths_option(app, options.lengths);
  app.add_option("--keys", options.keys, "Numbers in each text, of which one is asked for")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--hops", options.hops, "Variables after the first of each chain")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  declare_retrieval_options(app, options.retrieval, "Texts of each task at each length");
}

}  // namespace ropewalk::cli
