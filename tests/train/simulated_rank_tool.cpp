// One rank of a run config's job with simulated peers: what it holds and sends beside what
// `ropewalk plan` says, as JSON in bytes.
//
// usage: simulated_rank_tool RUN.json NUM_RANKS [KEY=VALUE...]
#include <torch/types.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "ropewalk/base/errors.h"
#include "ropewalk/plan/memory.h"
#include "ropewalk/plan/sent_bytes.h"
#include "ropewalk/settings/planned_shape.h"
#include "ropewalk/settings/run_config.h"
#include "ropewalk/spec/hf_model.h"
#include "train/simulated_rank.h"

namespace ropewalk {
namespace {

using plan::Use;

// The simulation is a process without transports, and counts tensors alone.
constexpr plan::EngineFacts kTensorsAlone{.gloo_sum_copies = 0,
                                          .gloo_sum_parts = 0,
                                          .gloo_buckets = 0,
                                          .cpu_runtime_bytes = 0,
                                          .cpu_slack = 0.0,
                                          .cpu_kept_bytes = 0,
                                          .cpu_kept_sharded_bytes = 0};

Json compared(int64_t found, int64_t planned) { return {{"found", found}, {"planned", planned}}; }

Json simulate(const std::string& run_config, int64_t ranks, const std::vector<std::string>& set) {
  Diagnostics faults;
  const RunConfig config = read_run_config(run_config, set, RunPurpose::kInspect, faults);
  const std::optional<HfModel> model = read_model(config.model, faults);
  faults.throw_if_errors<ConfigError>(run_config);
  const plan::RunShape shape = planned_shape(config, model->spec, ranks);
  simulated::Rank rank(model->spec, shape, static_cast<int>(ranks / 2));
  rank.step();
  if (!shape.is_sharded()) rank.step();  // in buckets that are settled
  const plan::MemoryPlan memory = plan::MemoryModel(model->spec, kTensorsAlone).plan(shape);
  const auto planned_at = [&](plan::Moment moment) {
    return std::find_if(memory.moments.begin(),
                        memory.moments.end(),
                        [&](const auto& at) { return at.moment == moment; })
        ->bytes;
  };
  const plan::UseBytes loss = planned_at(plan::Moment::kLoss),
                       block = planned_at(plan::Moment::kBlock);
  const auto weights = [](const plan::UseBytes& bytes) {
    return of(bytes, Use::kWeights) + of(bytes, Use::kGathered);
  };
  return {{"weights_at_loss", compared(rank.weight_bytes_at_loss(), weights(loss))},
          {"weights_and_gradients_at_block", compared(rank.most_at_block(), weights(block))},
          {"gradients", compared(rank.gradient_bytes(), of(loss, Use::kGradients))},
          {"moments", compared(rank.moment_bytes(), of(loss, Use::kMoments))},
          {"padding", rank.padding_bytes()},
          {"sent", compared(rank.sent_bytes(), sent_bytes(model->spec, shape).total())},
          {"most_tensors", compared(rank.most_tensor_bytes(), memory.peak_bytes())}};
}

}  // namespace
}  // namespace ropewalk

int main(int argc, char** argv) {
  try {
    if (argc < 3) return ropewalk::kExitBadInput;
    const ropewalk::Json found =
        ropewalk::simulate(argv[1], std::stoll(argv[2]), {argv + 3, argv + argc});
    std::printf("%s\n", found.dump(1).c_str());
    return ropewalk::kExitDone;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return ropewalk::kExitFailure;
  }
}
