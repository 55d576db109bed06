#include "train/owned_state.h"

#include <set>

#include "ropewalk/base/errors.h"
#include "ropewalk/spec/lora_spec.h"

namespace ropewalk {
namespace {

template <typename T>
T number_of(const Json& state, const char* key) {
  const auto found = state.find(key);
  if (found == state.end() || !found->is_number_integer()) {
    throw CheckpointError(std::string("trainer/state.json: ") + key +
                          " is missing or no integer; the checkpoint is damaged");
  }
  return found->get<T>();
}

}  // namespace

Json OptimizerState::state() const { return {{"num_steps", optimizer_.num_steps()}}; }

void OptimizerState::load_state(const Json& state) {
  optimizer_.set_num_steps(number_of<int64_t>(state, "num_steps"));
}

std::vector<ParameterTensors> OptimizerState::tensors() {
  return {{.suffix = ".exp_avg", .tensors = optimizer_.first_moments()},
          {.suffix = ".exp_avg_sq", .tensors = optimizer_.second_moments()}};
}

void LoraState::load_state(const Json& state) {
  const std::string stored = state.value("base", "");
  if (stored == base_) return;
  throw CheckpointError(
      "model.pretrained: its weight files have hash " + base_ + ", those that the run began with " +
      stored +
      ": the low-rank updates belong to other weights. Name the folder that the run was started "
      "with, or start a new run from the checkpoint, which is a whole model");
}

std::vector<ParameterTensors> LoraState::tensors() {
  std::set<std::string> trained;
  for (const auto& [name, tensor] : data_parallel_.trained()) trained.insert(name);
  ParameterTensors kept{.suffix = kTrainedSuffix, .tensors = {}};
  for (const auto& [name, tensor] : data_parallel_.weights()) {
    const bool is_update = name.ends_with(kLoraA) || name.ends_with(kLoraB);
    if (is_update || trained.contains(name)) kept.tensors.emplace_back(name, tensor);
  }
  return {std::move(kept)};
}

Json ProgressState::state() const {
  return {{"cursor", cursor},
          {"tokens", tokens},
          {"source_tokens", source_tokens},
          {"steps",
           {{"losses", steps.losses},
            {"last_bad_step", steps.last_bad_step},
            {"bad_in_a_row", steps.bad_in_a_row}}},
          {"data", data_hash},
          {"rng", {{"seed", seed}, {"stream", epoch}}}};
}

void ProgressState::load_state(const Json& state) {
  cursor = number_of<uint64_t>(state, "cursor");
  tokens = number_of<int64_t>(state, "tokens");
  source_tokens = state.value("source_tokens", source_tokens);
  loaded_data_hash = state.value("data", "");
  if (state.contains("steps")) {
    const Json& stored = state.at("steps");
    steps = {.losses = stored.value("losses", std::vector<double>()),
             .last_bad_step = number_of<int64_t>(stored, "last_bad_step"),
             .bad_in_a_row = number_of<int64_t>(stored, "bad_in_a_row")};
  }
}

}  // namespace ropewalk
