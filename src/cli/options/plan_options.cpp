#include "cli/options/plan_options.h"

#include "cli/options/common_options.h"

namespace ropewalk::cli {

void declare_plan_options(CLI::App& app, PlanOptions& options) {
  app.add_option("run_config", options.run_config, "Run config (JSON); it need not name data")
      ->required()
      ->type_name("RUN.json");
  add_set_option(app, options.set);
  app.add_option("--gpus",
                 options.gpus,
                 "Ranks of the run, one GPU each; with --hardware cpu, one "
                 "process each. Without it: 1")
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("N");
  app.add_option("--memory",
                 options.memory,
                 "Memory of one rank, such as 80GiB. Without it: the "
                 "hardware's; for cpu this machine's, shared by the ranks")
      ->type_name("SIZE");
  app.add_option("--hardware",
                 options.hardware,
                 "h100, h200, a100-80, a100-40, l40s or cpu. Without "
                 "it: h100 when --gpus or --memory is given, else cpu")
      ->type_name("NAME");
  app.add_flag("--json", options.json, "Print JSON; bytes and seconds as plain numbers");
}

}  // namespace ropewalk::cli
