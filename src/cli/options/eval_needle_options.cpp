#include "cli/options/eval_needle_options.h"

namespace ropewalk::cli {

void declare_eval_needle_options(CLI::App& app, EvalNeedleOptions& options) {
  declare_evaluated_model(app, options.model);
  add_lengths_option(app, options.lengths);
  app.add_option("--depths",
                 options.depths,
                 "Where in the text the number stands: 0 = at its begin, 1 = at its end")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  declare_retrieval_options(app, options.retrieval, "Keys at each length and depth");
}

}  // namespace ropewalk::cli
