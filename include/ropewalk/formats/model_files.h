// The weights of a Hugging Face model folder: model.safetensors, or the shards that
// model.safetensors.index.json names. Every fault of the folder is reported at once
// (CheckpointError). Pickle files (.bin, .pt, .pth) are never opened: they can run code.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ropewalk/formats/safetensors.h"

namespace ropewalk {

// By the name alone.
bool is_pickle_file(const std::filesystem::path& path);
// What to do about one.
inline constexpr const char* kConvertPickleHint =
    "pickle files can run code and are never opened; convert them with transformers: "
    "AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(NEW_DIR)";

struct ModelTensor {
  const SafetensorsFile* file = nullptr;
  const TensorInfo* info = nullptr;

  std::span<const std::byte> bytes() const { return file->bytes(*info); }
};

// Mapped, zero-copy. Pointers and spans live as long as the ModelFiles they came from.
class ModelFiles {
 public:
  // `path`: a model folder, or one .safetensors file.
  static ModelFiles open(const std::filesystem::path& path);

  const std::vector<std::string>& names() const { return names_; }  // sorted
  // `file` is nullptr when there is no such tensor.
  ModelTensor find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name).file != nullptr; }
  const std::vector<std::unique_ptr<SafetensorsFile>>& files() const { return files_; }
  uint64_t num_bytes() const;      // of all tensors
  int64_t num_parameters() const;  // elements of all tensors

 private:
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, ModelTensor> tensors_;
};

// How names are spread over files: in order, a new shard when the next tensor would exceed
// `max_shard_bytes` (a larger single tensor has a shard of its own).
struct ModelShard {
  std::string file_name;  // "model.safetensors" when there is one, else "model-00001-of-00003..."
  std::vector<TensorInfo> tensors;
  uint64_t num_bytes = 0;
};
std::vector<ModelShard> plan_model_shards(const std::vector<TensorInfo>& tensors,
                                          uint64_t max_shard_bytes);
// The text of model.safetensors.index.json; only needed for more than one shard.
std::string model_index_text(const std::vector<ModelShard>& shards);

}  // namespace ropewalk
