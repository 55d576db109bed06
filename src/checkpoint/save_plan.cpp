#include "checkpoint/save_plan.h"

#include <string>

#include "checkpoint/trainer_files.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

// One set of files, all fp32, for each owner.
void plan_owner(const SaveRequest& request,
                const std::string& stem,
                const std::vector<ParameterTensors>& groups,
                SavePlan& plan) {
  std::vector<OutputTensor> outputs;
  for (const ParameterTensors& group : groups) {
    append_outputs(request.map, group, DType::kF32, outputs);
  }
  for (OutputFile& file : plan_files(outputs, {stem, request.max_file_bytes})) {
    file.path = std::string(kTrainerFolder) + "/" + file.path;
    plan.files.push_back(std::move(file));
  }
}

void find_shards(const dist::NamedShardedTensors& tensors, std::shared_ptr<dist::Group>& shards) {
  for (const auto& [name, tensor] : tensors) {
    if (tensor.is_whole()) continue;
    ROPEWALK_CHECK(shards == nullptr || shards == tensor.group(),
                   "tensors in the shards of different groups, again at " + name);
    shards = tensor.group();
  }
}

}  // namespace

SavePlan plan_save(const SaveRequest& request) {
  std::vector<OutputTensor> outputs;
  append_outputs(request.map, {.suffix = "", .tensors = request.weights}, request.dtype, outputs);
  SavePlan plan;
  plan.model = plan_files(outputs, {.max_bytes = request.max_file_bytes});
  plan.files = plan.model;
  if (request.masters) {
    plan_owner(request, kMasterStem, {{kMasterSuffix, request.weights}}, plan);
  }
  for (Stateful* owner : request.owners) {
    plan_owner(request, owner->key(), owner->tensors(), plan);
  }
  for (const OutputFile& file : plan.files) plan.num_bytes += file.num_bytes;
  return plan;
}

Writers choose_writers(const SaveRequest& request, const std::shared_ptr<dist::Group>& all) {
  std::shared_ptr<dist::Group> shards;
  find_shards(request.weights, shards);
  for (Stateful* owner : request.owners) {
    for (const ParameterTensors& group : owner->tensors()) find_shards(group.tensors, shards);
  }
  if (shards == nullptr) return {.group = all};
  return {.group = shards, .has_this_rank = shards->any_rank(all->rank() == 0)};
}

}  // namespace ropewalk
