#include "ropewalk/spec/weight_check.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "ropewalk/base/name_patterns.h"
#include "ropewalk/base/text.h"
#include "ropewalk/spec/stored_weight.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {
namespace {

std::string shape_text(const std::vector<int64_t>& shape) {
  std::vector<std::string> parts;
  for (const int64_t size : shape) parts.push_back(std::to_string(size));
  return "[" + join(parts, ", ") + "]";
}

// "F32, F16 or BF16"
std::string dtypes_text(std::span<const DType> dtypes) {
  std::string text(dtype_name(dtypes.front()));
  for (size_t i = 1; i < dtypes.size(); ++i) {
    text += (i + 1 == dtypes.size() ? " or " : ", ") + std::string(dtype_name(dtypes[i]));
  }
  return text;
}

void check_part(const StoredPart& part,
                const ModelFiles& files,
                const std::string& type_hint,
                Diagnostics& faults) {
  const ModelTensor found = files.find(part.name);
  if (found.file == nullptr) {
    faults.error(
        part.name,
        "is missing; expected " + dtypes_text(part.dtypes) + " of shape " + shape_text(part.shape));
    return;
  }
  const std::string where = found.file->path().filename().string();
  if (found.info->shape != part.shape) {
    faults.error(part.name,
                 "in " + where + " has shape " + shape_text(found.info->shape) +
                     ", config.json asks for " + shape_text(part.shape));
  }
  const DType dtype = found.info->dtype;
  if (std::find(part.dtypes.begin(), part.dtypes.end(), dtype) == part.dtypes.end()) {
    faults.error(part.name,
                 "in " + where + " is " + std::string(dtype_name(dtype)) + "; expected " +
                     dtypes_text(part.dtypes) + type_hint);
  }
}

}  // namespace

Diagnostics check_weights(const ModelFiles& files,
                          const DecoderSpec& spec,
                          const std::optional<Quantization>& quantization) {
  const std::string type_hint =
      quantization ? "" : " (config.json has no quantization_config that would explain another)";
  Diagnostics faults;
  std::set<std::string> known;
  for (const WeightEntry& entry : weight_map(spec)) {
    for (const WeightSlice& slice : entry.slices) {
      for (const StoredPart& part : find_stored_weight(slice, quantization, files).parts) {
        known.insert(part.name);
        check_part(part, files, type_hint, faults);
      }
    }
  }
  const std::vector<std::string> ignored = ignored_weights(spec);
  for (const std::string& name : files.names()) {
    if (known.contains(name) || matches_any(name, ignored)) continue;
    const ModelTensor found = files.find(name);
    faults.error(name,
                 "in " + found.file->path().filename().string() + " (" + describe(*found.info) +
                     ") is left over: the model that config.json describes has no such weight");
  }
  return faults;
}

}  // namespace ropewalk
