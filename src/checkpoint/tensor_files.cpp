#include "checkpoint/tensor_files.h"

#include <unordered_map>

#include "checkpoint/tensor_bytes.h"
#include "checkpoint/weight_layout.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/formats/model_files.h"

namespace ropewalk {

void append_slices(const WeightEntry& entry,
                   const at::Tensor& parameter,
                   DType dtype,
                   const std::string& suffix,
                   std::vector<OutputTensor>& outputs) {
  ROPEWALK_CHECK(parameter.sizes() == at::IntArrayRef(entry.shape),
                 "tensor is not shaped like its parameter: " + entry.name + suffix);
  for (const WeightSlice& slice : entry.slices) {
    OutputTensor output;
    output.info.name = slice.foreign_name + suffix;
    output.info.dtype = dtype;
    output.info.shape = slice.shape;
    output.value = [parameter, slice] { return to_foreign(parameter, slice); };
    outputs.push_back(std::move(output));
  }
}

uint64_t total_bytes(const std::vector<OutputTensor>& outputs) {
  uint64_t total = 0;
  for (const OutputTensor& output : outputs) {
    total += tensor_bytes(output.info.dtype, output.info.shape).value_or(0);
  }
  return total;
}

std::vector<ManifestEntry> write_tensor_files(const std::filesystem::path& folder,
                                              const std::vector<OutputTensor>& outputs,
                                              const ShardRules& rules) {
  std::vector<TensorInfo> infos;
  std::unordered_map<std::string, const OutputTensor*> by_name;
  for (const OutputTensor& output : outputs) {
    infos.push_back(output.info);
    by_name[output.info.name] = &output;
  }
  std::vector<ModelShard> shards = plan_model_shards(infos, rules.max_bytes);
  std::vector<ManifestEntry> written;
  for (ModelShard& shard : shards) {
    shard.file_name.replace(0, std::string("model").size(), rules.stem);
    sort_as_reference(shard.tensors);
    SafetensorsWriter writer(folder / shard.file_name, shard.tensors, {{"format", "pt"}});
    for (const TensorInfo& info : shard.tensors) {
      const at::Tensor stored = to_stored(by_name.at(info.name)->value(), info.dtype);
      writer.write(info.name, tensor_bytes_of(stored));
    }
    writer.close();
    written.push_back({shard.file_name, writer.size_bytes(), writer.hash()});
  }
  if (rules.index && shards.size() > 1) {
    FileWriter index(folder / (rules.stem + ".safetensors.index.json"));
    index.write(model_index_text(shards));
    index.close();
  }
  return written;
}

}  // namespace ropewalk
