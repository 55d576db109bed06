// Tensors spread over safetensors files, produced one at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "ropewalk/formats/manifest.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {

struct OutputTensor {
  TensorInfo info;                    // name, type and shape
  std::function<at::Tensor()> value;  // of any type and device; called once, while it is written
};

// One output per foreign tensor of one of our parameters, its name followed by `suffix`.
void append_slices(const WeightEntry& entry,
                   const at::Tensor& parameter,
                   DType dtype,
                   const std::string& suffix,
                   std::vector<OutputTensor>& outputs);

uint64_t total_bytes(const std::vector<OutputTensor>& outputs);

struct ShardRules {
  std::string stem = "model";  // "<stem>.safetensors" or "<stem>-00001-of-00002.safetensors"
  uint64_t max_bytes = 5'000'000'000;
  bool index = true;  // write <stem>.safetensors.index.json beside several shards
};

// Writes into `folder`; gives size and hash of every safetensors file for the manifest, paths
// relative to `folder`.
std::vector<ManifestEntry> write_tensor_files(const std::filesystem::path& folder,
                                              const std::vector<OutputTensor>& outputs,
                                              const ShardRules& rules);

}  // namespace ropewalk
