// model.safetensors.index.json: which shard holds which tensor. Read as a stream, since a large
// mixture of experts lists a hundred thousand names.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ropewalk/base/diagnostics.h"

namespace ropewalk {

inline constexpr const char* kModelFileName = "model.safetensors";
inline constexpr const char* kModelIndexName = "model.safetensors.index.json";

// (tensor, shard) in the file's order, duplicates refused. Faults go to `faults`.
std::vector<std::pair<std::string, std::string>> read_model_index(const std::filesystem::path& path,
                                                                  Diagnostics& faults);

}  // namespace ropewalk
