#include "cli/options/eval_recall_options.h"

namespace ropewalk::cli {

void declare_eval_recall_options(CLI::App& app, EvalRecallOptions& options) {
  declare_evaluated_model(app, options.model);
  app.add_option("--lengths", options.lengths, "Lengths of prompts in tokens, such as 512,2048")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::PositiveNumber);
  app.add_option("--keys", options.keys, "Numbers in each text, of which one is asked for")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--hops", options.hops, "Variables after the first of each chain")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--trials", options.trials, "Texts of each task at each length")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--digits", options.digits, "Digits of a number")
      ->check(CLI::Range(1, 15))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Of the keys; the same seed gives the same prompts")
      ->capture_default_str();
  declare_retrieval_outputs(app, options.outputs);
}

}  // namespace ropewalk::cli
