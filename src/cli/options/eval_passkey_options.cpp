#include "cli/options/eval_passkey_options.h"

namespace ropewalk::cli {

void declare_eval_passkey_options(CLI::App& app, EvalPasskeyOptions& options) {
  declare_evaluated_model(app, options.model);
  app.add_option("--window", options.window, "The context that the model is to have, in tokens")
      ->required()
      ->check(CLI::Range(int64_t{2}, int64_t{1} << 40));
  app.add_option("--distances",
                 options.distances,
                 "Tokens from the key's line to the prompt's end; without it 32 that divide the "
                 "window evenly")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::PositiveNumber);
  app.add_option("--trials", options.trials, "Keys at each distance")
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
