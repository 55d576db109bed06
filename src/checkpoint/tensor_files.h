// How tensors are spread over safetensors files. The plan follows from names, types and shapes
// alone: every rank makes the same one, whatever it holds.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "ropewalk/checkpoint/stateful.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {

struct OutputTensor {
  TensorInfo info;                    // name, type and shape
  std::function<at::Tensor()> value;  // of any type and device
  // `value` is collective: every rank that writes calls it. Otherwise just the file's owner does.
  bool is_sharded = false;
  // `value` gives these rows of ours; null: it gives the foreign tensor.
  const WeightSlice* slice = nullptr;
};

// One output per foreign tensor of each of our tensors, its name followed by the suffix. `map` must
// outlive the outputs.
void append_outputs(const std::vector<WeightEntry>& map,
                    const ParameterTensors& tensors,
                    DType dtype,
                    std::vector<OutputTensor>& outputs);

uint64_t total_bytes(const std::vector<OutputTensor>& outputs);

struct OutputFile {
  std::string path;                   // relative to the folder
  std::vector<OutputTensor> tensors;  // in the order of the file
  uint64_t num_bytes = 0;             // of the tensors
};

struct FileRules {
  std::string stem = "model";  // "<stem>.safetensors" or "<stem>-00001-of-00002.safetensors"
  uint64_t max_bytes = 5'000'000'000;
};

// No files without outputs.
std::vector<OutputFile> plan_files(const std::vector<OutputTensor>& outputs,
                                   const FileRules& rules);

// model.safetensors.index.json, where a model has several files.
void write_model_index(const std::filesystem::path& folder, const std::vector<OutputFile>& files);

}  // namespace ropewalk
