#include "cli/options/eval_needle_options.h"

namespace ropewalk::cli {

void declare_eval_needle_options(CLI::App& app, EvalNeedleOptions& options) {
  declare_evaluated_model(app, options.model);
  app.add_option("--lengths", options.lengths, "Lengths of prompts in tokens, such as 512,2048")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::PositiveNumber);
  app.add_option("--depths",
                 options.depths,
                 "Where in the text the number stands: 0 = at its begin, 1 = at its end")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--trials", options.trials, "Keys at each length and depth")
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
