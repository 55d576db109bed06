#include "ropewalk/spec/weight_check.h"

#include <set>
#include <string>
#include <vector>

#include "ropewalk/base/name_patterns.h"
#include "ropewalk/base/text.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {
namespace {

std::string shape_text(const std::vector<int64_t>& shape) {
  std::vector<std::string> parts;
  for (const int64_t size : shape) parts.push_back(std::to_string(size));
  return "[" + join(parts, ", ") + "]";
}

void check_tensor(const WeightSlice& slice, const ModelFiles& files, Diagnostics& faults) {
  const ModelTensor found = files.find(slice.foreign_name);
  if (found.file == nullptr) {
    faults.error(slice.foreign_name, "is missing; expected shape " + shape_text(slice.shape));
    return;
  }
  const std::string where = found.file->path().filename().string();
  if (found.info->shape != slice.shape) {
    faults.error(slice.foreign_name,
                 "in " + where + " has shape " + shape_text(found.info->shape) +
                     ", config.json asks for " + shape_text(slice.shape));
  }
  if (!is_weight_dtype(found.info->dtype)) {
    faults.error(slice.foreign_name,
                 "in " + where + " is " + std::string(dtype_name(found.info->dtype)) +
                     "; weights must be F64, F32, F16 or BF16 (quantized checkpoints are not read: "
                     "convert to one of these first)");
  }
}

}  // namespace

bool is_weight_dtype(DType dtype) {
  return dtype == DType::kF64 || dtype == DType::kF32 || dtype == DType::kF16 ||
         dtype == DType::kBF16;
}

Diagnostics check_weights(const ModelFiles& files, const DecoderSpec& spec) {
  Diagnostics faults;
  std::set<std::string> known;
  for (const WeightEntry& entry : weight_map(spec)) {
    for (const WeightSlice& slice : entry.slices) {
      known.insert(slice.foreign_name);
      check_tensor(slice, files, faults);
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
