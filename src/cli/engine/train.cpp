#include <ATen/Context.h>

#include <chrono>

#include "cli/engine/device.h"
#include "cli/engine/engine_commands.h"
#include "cli/engine/memory_check.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/progress.h"
#include "ropewalk/base/signals.h"
#include "ropewalk/dist/device.h"
#include "ropewalk/launch/rank_environment.h"
#include "ropewalk/rope/rope_parameters.h"
#include "ropewalk/train/staged_run.h"

namespace ropewalk::cli {
namespace {

dist::GroupBackend backend_of(Backend backend) {
  switch (backend) {
    case Backend::kGloo:
      return dist::GroupBackend::kGloo;
    case Backend::kNccl:
      return dist::GroupBackend::kNccl;
    case Backend::kAuto:
      break;
  }
  return dist::GroupBackend::kAuto;
}

void tell(const TrainInputs& inputs, const Diagnostics& remarks) {
  for (const auto& remark : remarks.warnings()) log_warn(remark.where + ": " + remark.text);
  log_info("positions: " + describe_rope(inputs.model.spec.rope));
  if (inputs.config.model.pretrained) {
    log_info("against the pre-trained weights: " + compare_with_trained(inputs.model).text);
  }
}

}  // namespace

int run_train(const TrainOptions& options) {
  auto begun = std::chrono::steady_clock::now();
  const RankEnvironment ranks = rank_environment_from_env();
  if (ranks.job_begun_s) {
    begun = std::chrono::steady_clock::time_point(std::chrono::seconds(*ranks.job_begun_s));
  }
  configure_logging(LogLevel::kInfo, ranks.rank, ranks.world_size);
  install_stop_handlers();
  const Heartbeat heartbeat;

  Diagnostics faults;
  const std::vector<RunStage> stages = read_stages(options.run_config, options.set, faults);
  // Throws with the faults of every stage; those of a single one are told when it is loaded.
  if (!faults.ok() || stages.front().number > 0) {
    load_all_train_inputs(options.run_config, options.set, ranks.world_size);
  }
  // The same in every stage.
  const ParallelConfig parallel =
      parse_run_config(stages.front().config, RunPurpose::kTrain, faults).parallel;
  set_num_threads(parallel.threads, ranks.local_world_size);
  const dist::GroupBackend backend = backend_of(parallel.backend);
  const at::Device device = dist::choose_device(ranks, backend);
  at::globalContext().setAllowTF32CuBLAS(parallel.tf32);
  const auto group = dist::make_group(ranks,
                                      {.backend = backend,
                                       .device = device,
                                       .timeout_s = static_cast<double>(parallel.timeout_s),
                                       .bind_address = {}});
  report_phase(Phase::kLoading);
  const auto announce = [&](const TrainInputs& inputs, const Diagnostics& remarks) {
    if (ranks.rank != 0) return;
    tell(inputs, remarks);
    warn_when_memory_will_not_do(inputs, ranks, device);
  };
  StagedRun run(stages,
                {.resume = options.resume,
                 .overwrite = options.overwrite,
                 .allow_change = options.allow_change,
                 .begun = begun},
                group,
                announce);
  return run.run();
}

}  // namespace ropewalk::cli
