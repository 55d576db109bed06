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
  declare_retrieval_options(app, options.retrieval, "Keys at each distance");
}

}  // namespace ropewalk::cli
