#include "cli/options/train_options.h"

#include "cli/options/common_options.h"

namespace ropewalk::cli {

void declare_train_options(CLI::App& app, TrainOptions& options) {
  app.add_option("run_config", options.run_config, "Run config (JSON)")
      ->required()
      ->type_name("RUN.json");
  app.add_option("--nproc",
                 options.nproc,
                 "Start this many data-parallel ranks on this machine. Without it rank and size "
                 "come from torchrun's, Slurm's or mpirun's variables")
      ->check(CLI::Range(1, 1024));
  app.add_option(
         "--max-restarts",
         options.max_restarts,
         "With --nproc: after a rank failed, start all of them again up to this many times, "
         "from the newest checkpoint as soon as there is one (default 0)")
      ->type_name("N")
      ->check(CLI::Range(0, kMostRestarts));
  app.add_option("--hang-limit",
                 options.hang_limit_s,
                 "With --nproc: a rank that shows no sign of life, or stands still within a step, "
                 "is named and ends the run after this long, or after 5 steps of the usual length "
                 "where those are longer; 0 waits forever (default 10)")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, kLongestHangLimit_s));
  add_set_option(app, options.set);
  CLI::Option* resume =
      app.add_flag(std::string("--resume{") + kResumeNewest + "}",
                   options.resume,
                   "Go on from the newest checkpoint that verifies; --resume=auto starts afresh "
                   "where there is none; --resume=PATH or =STEP takes exactly that one");
  app.add_flag("--overwrite",
               options.overwrite,
               "Start afresh although the run directory has checkpoints; they are removed")
      ->excludes(resume);
  app.add_option("--allow-change",
                 options.allow_change,
                 "Permit this setting to differ from the checkpoint's on resume; may be repeated")
      ->type_name("KEY")
      ->allow_extra_args(false);
}

}  // namespace ropewalk::cli
