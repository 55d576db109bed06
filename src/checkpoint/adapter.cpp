#include "ropewalk/checkpoint/adapter.h"

#include <ATen/ATen.h>

#include <limits>

#include "checkpoint/adapter_values.h"
#include "checkpoint/file_hashes.h"
#include "checkpoint/hf_folder.h"
#include "checkpoint/publish_export.h"
#include "checkpoint/state_file.h"
#include "checkpoint/stored_tensor.h"
#include "checkpoint/tensor_bytes.h"
#include "checkpoint/tensor_files.h"
#include "checkpoint/trainer_files.h"
#include "checkpoint/weight_layout.h"
#include "checkpoint/write_files.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/config/reader.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk {
namespace {

ModelTensor tensor_of(const PeftAdapter& adapter, const std::string& name) {
  return {adapter.file.get(), adapter.file->find(name)};
}

// Updates are under PEFT's names in the weight map already.
std::string peft_name(const WeightSlice& slice) {
  const std::string& name = slice.foreign_name;
  return name.starts_with(kPeftPrefix) ? name : kPeftPrefix + name;
}

struct StoredLora {
  LoraConfig config;  // of the run that saved the checkpoint
  std::string base;   // weights_hash of its model.pretrained
};

StoredLora stored_lora(const std::filesystem::path& checkpoint) {
  StoredLora lora;
  if (std::filesystem::exists(checkpoint / kTrainerFolder / kStateName)) {
    Diagnostics ignored;  // of a newer program's settings; those known here are read
    const Json state = read_state(checkpoint);
    lora.config =
        parse_fields<LoraConfig>(state.at("settings").value("lora", Json::object()), ignored);
    lora.base = state.at("owners").value(kLoraStem, Json::object()).value("base", "");
  }
  if (lora.config.on()) return lora;
  throw ConfigError(
      checkpoint.string() +
      ": holds no low-rank updates: only a checkpoint of a run with lora.rank > 0, as "
      "the run saved it, does. Leave --adapter out to export the whole model");
}

struct AdapterOutputs {
  std::vector<OutputTensor> tensors;
  std::vector<std::string> replaced;  // foreign names of whole weights
};

void append_tensor(const std::string& name, const ModelTensor& tensor, AdapterOutputs& outputs) {
  OutputTensor output;
  output.info.name = name;
  output.info.shape = tensor.info->shape;
  output.read = [tensor] { return view_stored(tensor); };
  outputs.tensors.push_back(std::move(output));
}

AdapterOutputs list_adapter_outputs(const DecoderSpec& spec, const TrainerFiles& files) {
  AdapterOutputs outputs;
  for (const WeightEntry& entry : weight_map(spec)) {
    for (const WeightSlice& slice : entry.slices) {
      const std::string stored = slice.foreign_name + kTrainedSuffix;
      const bool is_update = slice.foreign_name.starts_with(kPeftPrefix);
      if (!is_update && !files.contains(stored)) continue;
      append_tensor(peft_name(slice), files.find(stored), outputs);
      if (!is_update) outputs.replaced.push_back(slice.foreign_name);
      if (entry.name != "embed_tokens.weight") continue;
      for (const std::string& tied : tied_output_weights(spec)) {
        append_tensor(kPeftPrefix + tied, files.find(stored), outputs);
      }
    }
  }
  return outputs;
}

DType dtype_in(const Json& config) {
  const Json dtype = config.value("dtype", Json());
  return dtype == "bfloat16" ? DType::kBF16 : dtype == "float16" ? DType::kF16 : DType::kF32;
}

}  // namespace

at::Tensor with_adapter(const PeftAdapter& adapter, const WeightSlice& slice, at::Tensor stored) {
  const PeftNames names(slice.foreign_name);
  const ModelTensor replaced = tensor_of(adapter, names.replaced);
  if (replaced.info != nullptr) return view_stored(replaced);
  const ModelTensor a = tensor_of(adapter, names.a), b = tensor_of(adapter, names.b);
  if (a.info == nullptr || !slice.foreign_name.ends_with(".weight")) return stored;
  const at::Tensor change =
      at::mm(view_stored(b).to(at::kFloat), view_stored(a).to(at::kFloat)) * adapter.scale();
  return stored.to(at::kFloat) + change;
}

void import_adapter(const dist::NamedShardedTensors& weights,
                    const DecoderSpec& spec,
                    const PeftAdapter& adapter) {
  const std::vector<WeightEntry> map = weight_map(spec);
  for_each_slice(map, weights, [&](const WeightSlice& slice, const dist::ShardedTensor& ours) {
    const ModelTensor values = tensor_of(adapter, peft_name(slice));
    if (values.info != nullptr) copy_stored({.values = values}, slice, ours);
  });
}

void export_peft_adapter(const std::filesystem::path& source, const std::filesystem::path& target) {
  refuse_existing_target(target);
  const std::filesystem::path checkpoint = exported_directory(source);
  const StoredLora stored = stored_lora(checkpoint);
  const HfModel model = load_hf_model(checkpoint);
  Diagnostics faults;
  DecoderSpec spec = model.spec;
  spec.lora = resolve_lora(stored.config, model.spec, faults);
  faults.throw_if_errors<CheckpointError>((checkpoint / kTrainerFolder / kStateName).string());

  const TrainerFiles files(checkpoint);
  check_file_hashes(checkpoint, files.paths());
  const AdapterOutputs outputs = list_adapter_outputs(spec, files);
  publish_export(target, total_bytes(outputs.tensors), [&](const std::filesystem::path& folder) {
    write_hf_companions(folder, model.config, dtype_in(model.config), checkpoint);
    FileWriter config(folder / "adapter_config.json");
    config.write(to_json_text(peft_config(spec, stored.config, outputs.replaced)));
    config.close();
    FileWriter base(folder / kBaseWeightsName);
    base.write(to_json_text(base_weights_json(stored.base)));
    base.close();
    dist::Group one_rank;
    write_files(
        folder,
        plan_files(outputs.tensors,
                   {.stem = "adapter_model", .max_bytes = std::numeric_limits<uint64_t>::max()}),
        one_rank);
  });
}

}  // namespace ropewalk
