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
#include "ropewalk/train/trainer.h"

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

  Diagnostics remarks;
  TrainInputs inputs =
      load_train_inputs(options.run_config, options.set, ranks.world_size, remarks);
  if (ranks.rank == 0) tell(inputs, remarks);

  const ParallelConfig& parallel = inputs.config.parallel;
  set_num_threads(parallel.threads, ranks.local_world_size);
  const dist::GroupBackend backend = backend_of(parallel.backend);
  const at::Device device = dist::choose_device(ranks, backend);
  if (ranks.rank == 0) warn_when_memory_will_not_do(inputs, ranks, device);
  at::globalContext().setAllowTF32CuBLAS(parallel.tf32);
  const auto group = dist::make_group(ranks,
                                      {.backend = backend,
                                       .device = device,
                                       .timeout_s = static_cast<double>(parallel.timeout_s),
                                       .bind_address = {}});
  report_phase(Phase::kLoading);
  Trainer trainer(std::move(inputs),
                  {.resume = options.resume,
                   .overwrite = options.overwrite,
                   .allow_change = options.allow_change,
                   .begun = begun},
                  group);
  return trainer.run();
}

}  // namespace ropewalk::cli
