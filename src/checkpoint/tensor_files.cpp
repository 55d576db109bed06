#include "checkpoint/tensor_files.h"

#include <unordered_map>

#include "checkpoint/weight_layout.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/share_out.h"
#include "ropewalk/formats/model_files.h"

namespace ropewalk {

void append_outputs(const std::vector<WeightEntry>& map,
                    const ParameterTensors& tensors,
                    DType dtype,
                    std::vector<OutputTensor>& outputs) {
  const auto append = [&](const WeightSlice& slice, const dist::ShardedTensor& tensor) {
    OutputTensor output;
    output.info.name = slice.foreign_name + tensors.suffix;
    output.info.dtype = dtype;
    output.info.shape = slice.shape;
    output.held = {.tensor = tensor, .part = elements_of(slice, tensor), .slice = &slice};
    outputs.push_back(std::move(output));
  };
  for_each_slice(map, tensors.tensors, append);
}

uint64_t total_bytes(const std::vector<OutputTensor>& outputs) {
  uint64_t total = 0;
  for (const OutputTensor& output : outputs) {
    total += tensor_bytes(output.info.dtype, output.info.shape).value_or(0);
  }
  return total;
}

std::vector<OutputFile> plan_files(const std::vector<OutputTensor>& outputs,
                                   const FileRules& rules) {
  if (outputs.empty()) return {};
  std::vector<TensorInfo> infos;
  std::unordered_map<std::string, const OutputTensor*> by_name;
  for (const OutputTensor& output : outputs) {
    infos.push_back(output.info);
    by_name[output.info.name] = &output;
  }
  std::vector<OutputFile> files;
  for (ModelShard& shard : plan_model_shards(infos, rules.max_bytes)) {
    OutputFile file{.path = std::move(shard.file_name), .num_bytes = shard.num_bytes};
    file.path.replace(0, std::string("model").size(), rules.stem);
    sort_as_reference(shard.tensors);
    for (const TensorInfo& info : shard.tensors) file.tensors.push_back(*by_name.at(info.name));
    files.push_back(std::move(file));
  }
  return files;
}

void choose_owners(std::vector<OutputFile>& files, int num_ranks) {
  std::vector<uint64_t> sizes;
  for (const OutputFile& file : files) sizes.push_back(file.num_bytes);
  const std::vector<size_t> owners = share_out(sizes, static_cast<size_t>(num_ranks));
  for (size_t i = 0; i < files.size(); ++i) files[i].owner = static_cast<int>(owners[i]);
}

void write_model_index(const std::filesystem::path& folder, const std::vector<OutputFile>& files) {
  if (files.size() < 2) return;
  std::vector<ModelShard> shards;
  for (const OutputFile& file : files) {
    ModelShard shard{.file_name = file.path, .num_bytes = file.num_bytes};
    for (const OutputTensor& tensor : file.tensors) shard.tensors.push_back(tensor.info);
    shards.push_back(std::move(shard));
  }
  FileWriter index(folder / "model.safetensors.index.json");
  index.write(model_index_text(shards));
  index.close();
}

}  // namespace ropewalk
