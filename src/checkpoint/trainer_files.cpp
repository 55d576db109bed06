#include "checkpoint/trainer_files.h"

#include <algorithm>
#include <set>

#include "checkpoint/stored_tensor.h"
#include "checkpoint/weight_layout.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {

TrainerFiles::TrainerFiles(const std::filesystem::path& checkpoint)
    : folder_(checkpoint / kTrainerFolder) {
  if (!std::filesystem::is_directory(folder_)) {
    throw CheckpointError(folder_.string() +
                          ": is missing; this folder holds a model but no training state, so a run "
                          "cannot go on from it (start a new run with model.pretrained instead)");
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    if (entry.path().extension() == ".safetensors") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  Diagnostics faults;
  for (const auto& path : paths) {
    files_.push_back(std::make_unique<SafetensorsFile>(path));
    for (const TensorInfo& info : files_.back()->tensors()) {
      const bool is_new =
          tensors_.emplace(info.name, ModelTensor{files_.back().get(), &info}).second;
      if (!is_new) faults.error(info.name, "is in more than one file, again in " + path.string());
    }
  }
  faults.throw_if_errors<CheckpointError>(folder_.string());
}

bool TrainerFiles::has_masters(const std::filesystem::path& checkpoint) {
  const std::filesystem::path folder = checkpoint / kTrainerFolder;
  if (!std::filesystem::is_directory(folder)) return false;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kMasterStem) && name.ends_with(".safetensors")) return true;
  }
  return false;
}

std::vector<std::filesystem::path> TrainerFiles::paths() const {
  std::vector<std::filesystem::path> paths;
  for (const auto& file : files_) paths.push_back(file->path());
  return paths;
}

ModelTensor TrainerFiles::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw CheckpointError(folder_.string() + ": tensor " + name + " is missing");
  }
  return found->second;
}

void TrainerFiles::check(const std::vector<WeightEntry>& map,
                         const ParameterTensors& group,
                         Diagnostics& faults) const {
  for_each_slice(map, group.tensors, [&](const WeightSlice& slice, const auto&) {
    const std::string name = slice.foreign_name + group.suffix;
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
      faults.error(name, "is missing; were other parameters trained when this was saved?");
      return;
    }
    TensorInfo expected;
    expected.dtype = DType::kF32;
    expected.shape = slice.shape;
    const TensorInfo& info = *found->second.info;
    if (info.shape != slice.shape || info.dtype != DType::kF32) {
      faults.error(name, "is " + describe(info) + ", expected " + describe(expected));
    }
  });
}

void TrainerFiles::copy_to(const std::vector<WeightEntry>& map,
                           const ParameterTensors& group) const {
  const auto copy = [&](const WeightSlice& slice, const dist::ShardedTensor& tensor) {
    copy_stored({.values = find(slice.foreign_name + group.suffix)}, slice, tensor);
  };
  for_each_slice(map, group.tensors, copy);
}

std::vector<std::string> TrainerFiles::left_over(
    const std::vector<WeightEntry>& map, const std::vector<ParameterTensors>& groups) const {
  std::set<std::string> names;
  for (const auto& [name, tensor] : tensors_) names.insert(name);
  for (const ParameterTensors& group : groups) {
    for_each_slice(map, group.tensors, [&](const WeightSlice& slice, const auto&) {
      names.erase(slice.foreign_name + group.suffix);
    });
  }
  return {names.begin(), names.end()};
}

}  // namespace ropewalk
