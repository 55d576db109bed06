#include "cli/engine/memory_check.h"

#include <c10/core/CachingDeviceAllocator.h>

#include "ropewalk/base/log.h"
#include "ropewalk/plan/machine.h"
#include "ropewalk/settings/planned_shape.h"

namespace ropewalk::cli {
namespace {

std::optional<plan::RankMemory> memory_of_rank(const RankEnvironment& ranks, c10::Device device) {
  if (device.is_cuda()) {
    const auto [free, total] = at::getDeviceAllocator(device.type())->getMemoryInfo(device.index());
    return plan::RankMemory{static_cast<int64_t>(free), "free on " + device.str()};
  }
  const std::optional<int64_t> available = plan::available_memory_bytes();
  if (!available) return std::nullopt;
  return plan::RankMemory{*available / ranks.local_world_size,
                          "of this machine's memory, which " +
                              std::to_string(ranks.local_world_size) + " of its ranks share"};
}

}  // namespace

void warn_when_memory_will_not_do(const TrainInputs& inputs,
                                  const RankEnvironment& ranks,
                                  c10::Device device) {
  const auto memory = memory_of_rank(ranks, device);
  if (!memory) return;
  const DecoderSpec& spec = inputs.spec;
  plan::RunShape shape = planned_shape(inputs.config, spec, ranks.world_size);
  shape.device = device.is_cuda() ? plan::Device::kCuda : plan::Device::kCpu;
  const std::string asked = inputs.source + " --gpus " + std::to_string(ranks.world_size) +
                            (device.is_cuda() ? "" : " --hardware cpu");
  const auto warning = memory_warning(plan::MemoryModel(spec).plan(shape), *memory, asked);
  if (warning) log_warn(*warning);
}

}  // namespace ropewalk::cli
