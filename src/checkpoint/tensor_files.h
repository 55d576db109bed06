// How tensors are spread over safetensors files. The plan follows from names, types and shapes
// alone: every rank makes the same one, whatever it holds.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ropewalk/checkpoint/stateful.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {

// Some elements of a tensor of ours, which the ranks hold: those that a foreign tensor takes.
struct HeldElements {
  dist::ShardedTensor tensor;
  dist::ElementRange part;
  const WeightSlice* slice;
};

struct OutputTensor {
  TensorInfo info;                   // name, type and shape
  std::optional<HeldElements> held;  // where the values are, or else
  std::function<at::Tensor()> read;  // makes the foreign tensor, of any type and device

  // Getting the values is collective: every rank that writes does. Otherwise just the file's owner.
  bool is_sharded() const { return held && !held->tensor.is_whole(); }
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
  int owner = 0;                      // which of the ranks that write writes it
};

struct FileRules {
  std::string stem = "model";  // "<stem>.safetensors" or "<stem>-00001-of-00002.safetensors"
  uint64_t max_bytes = 5'000'000'000;
};

// No files without outputs.
std::vector<OutputFile> plan_files(const std::vector<OutputTensor>& outputs,
                                   const FileRules& rules);

// Balances the files over the ranks by size.
void choose_owners(std::vector<OutputFile>& files, int num_ranks);

// model.safetensors.index.json, where a model has several files.
void write_model_index(const std::filesystem::path& folder, const std::vector<OutputFile>& files);

}  // namespace ropewalk
