// The folder `trainer/` of a checkpoint: tensors of the owners under HF names with a suffix, and
// state.json.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/checkpoint/stateful.h"
#include "ropewalk/formats/model_files.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {

inline constexpr const char* kTrainerFolder = "trainer";
inline constexpr const char* kStateName = "state.json";
inline constexpr const char* kMasterStem = "master";
inline constexpr const char* kMasterSuffix = ".master";

// For reading. Mapped while it lives.
class TrainerFiles {
 public:
  // `checkpoint`: the folder that holds trainer/. Throws CheckpointError.
  explicit TrainerFiles(const std::filesystem::path& checkpoint);

  static bool has_masters(const std::filesystem::path& checkpoint);

  std::vector<std::filesystem::path> paths() const;
  bool contains(const std::string& name) const { return tensors_.contains(name); }
  ModelTensor find(const std::string& name) const;  // throws CheckpointError when absent

  // Missing tensors, wrong shapes and types of one group go to `faults`.
  void check(const std::vector<WeightEntry>& map,
             const ParameterTensors& group,
             Diagnostics& faults) const;
  // Fills what this rank holds of the group's tensors, in place.
  void copy_to(const std::vector<WeightEntry>& map, const ParameterTensors& group) const;

  // Names that no group of `groups` claims.
  std::vector<std::string> left_over(const std::vector<WeightEntry>& map,
                                     const std::vector<ParameterTensors>& groups) const;

 private:
  std::filesystem::path folder_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::unordered_map<std::string, ModelTensor> tensors_;
};

}  // namespace ropewalk
