#include "cli/options/evaluated_model.h"

#include "cli/options/common_options.h"

namespace ropewalk::cli {

void declare_evaluated_model(CLI::App& app, EvaluatedModel& model) {
  app.add_option("checkpoint", model.checkpoint, "Checkpoint: a Hugging Face model directory")
      ->required()
      ->type_name("CHECKPOINT");
  CLI::Option* factors = app.add_option(
      "--factors",
      model.factors,
      "Total scaling factors to use instead of the checkpoint's own scaling, such as 1,8");
  factors->delimiter(',')->allow_extra_args(false);
  app.add_option("--scaling",
                 model.scaling,
                 "Kinds of position scaling that --factors apply, such as linear,yarn")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->default_str("linear")
      ->needs(factors);
  app.add_option("--nproc",
                 model.nproc,
                 "Ranks on this machine that share the work; the results are the same")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  add_threads_option(app, model.threads);
}

}  // namespace ropewalk::cli
