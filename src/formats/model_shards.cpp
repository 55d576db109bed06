#include <cstdio>

#include "formats/model_index.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"
#include "ropewalk/formats/model_files.h"

namespace ropewalk {

std::vector<ModelShard> plan_model_shards(const std::vector<TensorInfo>& tensors,
                                          uint64_t max_shard_bytes) {
  std::vector<ModelShard> shards(1);
  for (const TensorInfo& info : tensors) {
    const std::optional<uint64_t> size = tensor_bytes(info.dtype, info.shape);
    ROPEWALK_CHECK(size, "size of tensor " + info.name);
    if (!shards.back().tensors.empty() && shards.back().num_bytes + *size > max_shard_bytes) {
      shards.emplace_back();
    }
    shards.back().tensors.push_back(info);
    shards.back().num_bytes += *size;
  }
  if (shards.size() == 1) {
    shards.front().file_name = kModelFileName;
    return shards;
  }
  for (size_t i = 0; i < shards.size(); ++i) {
    char name[64];
    std::snprintf(name, sizeof(name), "model-%05zu-of-%05zu.safetensors", i + 1, shards.size());
    shards[i].file_name = name;
  }
  return shards;
}

std::string model_index_text(const std::vector<ModelShard>& shards) {
  uint64_t total = 0;
  // Built as text: inserting into an ordered object costs a search for each name.
  std::string weight_map;
  for (const ModelShard& shard : shards) {
    total += shard.num_bytes;
    for (const TensorInfo& info : shard.tensors) {
      weight_map += (weight_map.empty() ? "\n    " : ",\n    ") + Json(info.name).dump() + ": " +
                    Json(shard.file_name).dump();
    }
  }
  return "{\n  \"metadata\": {\n    \"total_size\": " + std::to_string(total) +
         "\n  },\n  \"weight_map\": {" + weight_map + "\n  }\n}\n";
}

}  // namespace ropewalk
