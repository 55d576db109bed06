#include "checkpoint/trainer_files.h"

#include <algorithm>
#include <functional>
#include <set>

#include "checkpoint/tensor_bytes.h"
#include "checkpoint/tensor_files.h"
#include "checkpoint/weight_layout.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

using Visit = std::function<void(const WeightSlice&, const at::Tensor&)>;

// Calls `visit` with every foreign slice of every tensor of the group.
void for_each_slice(const std::vector<WeightEntry>& map,
                    const ParameterTensors& group,
                    const Visit& visit) {
  std::unordered_map<std::string, at::Tensor> by_name(group.tensors.begin(), group.tensors.end());
  for (const WeightEntry& entry : map) {
    const auto found = by_name.find(entry.name);
    if (found == by_name.end()) continue;
    for (const WeightSlice& slice : entry.slices) visit(slice, found->second);
    by_name.erase(found);
  }
  ROPEWALK_CHECK(by_name.empty(), "an owner's tensor belongs to no parameter of the weight map");
}

}  // namespace

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
  for_each_slice(map, group, [&](const WeightSlice& slice, const at::Tensor&) {
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
  for_each_slice(map, group, [&](const WeightSlice& slice, const at::Tensor& tensor) {
    copy_stored(find(slice.foreign_name + group.suffix), slice, tensor);
  });
}

std::vector<std::string> TrainerFiles::left_over(
    const std::vector<WeightEntry>& map, const std::vector<ParameterTensors>& groups) const {
  std::set<std::string> names;
  for (const auto& [name, tensor] : tensors_) names.insert(name);
  for (const ParameterTensors& group : groups) {
    for_each_slice(map, group, [&](const WeightSlice& slice, const at::Tensor&) {
      names.erase(slice.foreign_name + group.suffix);
    });
  }
  return {names.begin(), names.end()};
}

std::vector<ManifestEntry> write_trainer_tensors(const std::filesystem::path& checkpoint,
                                                 const std::string& stem,
                                                 const std::vector<WeightEntry>& map,
                                                 const std::vector<ParameterTensors>& groups,
                                                 uint64_t max_shard_bytes) {
  std::vector<OutputTensor> outputs;
  for (const ParameterTensors& group : groups) {
    for_each_slice(map, group, [&](const WeightSlice& slice, const at::Tensor& tensor) {
      OutputTensor output;
      output.info.name = slice.foreign_name + group.suffix;
      output.info.dtype = DType::kF32;
      output.info.shape = slice.shape;
      output.value = [tensor, slice] { return to_foreign(tensor, slice); };
      outputs.push_back(std::move(output));
    });
  }
  if (outputs.empty()) return {};
  auto written = write_tensor_files(checkpoint / kTrainerFolder,
                                    outputs,
                                    {.stem = stem, .max_bytes = max_shard_bytes, .index = false});
  for (ManifestEntry& entry : written) {
    entry.path = std::string(kTrainerFolder) + "/" + entry.path;
  }
  return written;
}

}  // namespace ropewalk
