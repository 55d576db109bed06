#include "ropewalk/checkpoint/export.h"

#include "checkpoint/adapter_values.h"
#include "checkpoint/file_hashes.h"
#include "checkpoint/hf_folder.h"
#include "checkpoint/publish_export.h"
#include "checkpoint/stored_tensor.h"
#include "checkpoint/tensor_bytes.h"
#include "checkpoint/tensor_files.h"
#include "checkpoint/trainer_files.h"
#include "checkpoint/weight_source.h"
#include "checkpoint/write_files.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"
#include "ropewalk/checkpoint/weights_hash.h"

namespace ropewalk {
namespace {

// Widest type among the weights, so that nothing is lost by default. Quantised ones are published
// and computed with as bf16, whatever is stored beside them.
DType stored_dtype(const WeightSource& weights) {
  DType widest = DType::kBF16;
  bool first = true;
  for (const WeightEntry& entry : weights.map()) {
    for (const WeightSlice& slice : entry.slices) {
      const StoredTensor stored = weights.find(slice);
      if (stored.quantization) return DType::kBF16;
      const DType dtype = stored.values.info->dtype;
      const bool mixed_halves =
          dtype != widest && dtype_size(dtype) == 2 && dtype_size(widest) == 2;
      if (first) {
        widest = dtype;
      } else if (mixed_halves) {
        widest = DType::kF32;
      } else if (dtype_size(dtype) > dtype_size(widest)) {
        widest = dtype;
      }
      first = false;
    }
  }
  return widest == DType::kF64 ? DType::kF32 : widest;
}

struct ExportSource {
  const WeightSource& weights;
  const TrainerFiles* masters;  // taken instead; null: none
  const PeftAdapter* adapter;   // merged into them; null: none
};

std::vector<OutputTensor> list_outputs(const ExportSource& source, DType dtype) {
  std::vector<OutputTensor> outputs;
  for (const WeightEntry& entry : source.weights.map()) {
    for (const WeightSlice& slice : entry.slices) {
      StoredTensor tensor = source.weights.find(slice);
      if (source.masters != nullptr) {
        tensor = StoredTensor{.values = source.masters->find(slice.foreign_name + kMasterSuffix)};
      }
      OutputTensor output;
      output.info.name = slice.foreign_name;
      output.info.dtype = dtype;
      output.info.shape = slice.shape;
      output.read = [tensor, &slice, dtype, adapter = source.adapter] {
        if (adapter == nullptr) return read_stored(tensor, slice, dtype);
        return with_adapter(*adapter, slice, read_stored(tensor, slice, DType::kF32));
      };
      outputs.push_back(std::move(output));
    }
  }
  return outputs;
}

// ": num_attention_heads is 2, expected 4", of numbers that do not belong to positions.
std::string differing_sizes(const Json& found, const Json& expected) {
  std::vector<std::string> texts;
  for (const auto& [key, value] : expected.items()) {
    if (!value.is_number() || key.find("position") != std::string::npos ||
        key.starts_with("rope_")) {
      continue;
    }
    const Json own = found.value(key, Json());
    if (own != value) texts.push_back(key + " is " + own.dump() + ", expected " + value.dump());
  }
  return texts.empty() ? "" : ": " + join(texts, "; ");
}

// The adapter was trained at the positions of the config.json beside it, where there is one (our
// exports have it): merged at others it would be a different model.
HfModel with_positions_of(const PeftAdapter& adapter, const HfModel& model) {
  if (!std::filesystem::exists(adapter.folder / "config.json")) return model;
  HfModel own = load_hf_model(adapter.folder);
  DecoderSpec apart = own.spec;
  apart.rope = model.spec.rope;
  apart.local_rope = model.spec.local_rope;
  if (apart == model.spec) return own;
  throw ConfigError((adapter.folder / "config.json").string() + ": describes another model than " +
                    (model.path / "config.json").string() + ", and not only in its positions" +
                    differing_sizes(own.config, model.config) +
                    ". Merge the adapter into the model that it was trained on");
}

std::vector<ManifestEntry> write_model(const std::filesystem::path& folder,
                                       const std::vector<OutputFile>& files) {
  write_model_index(folder, files);
  dist::Group one_rank;
  return write_files(folder, files, one_rank);
}

}  // namespace

std::vector<ManifestEntry> write_hf_model(const std::filesystem::path& folder,
                                          const Decoder& decoder,
                                          const HfWriteOptions& options) {
  write_hf_companions(folder, options.config, options.dtype, options.copied_from);
  const std::vector<WeightEntry> map = weight_map(decoder.spec());
  std::vector<OutputTensor> outputs;
  append_outputs(map,
                 {.suffix = "", .tensors = dist::as_whole(decoder.named_weights())},
                 options.dtype,
                 outputs);
  return write_model(folder, plan_files(outputs, {.max_bytes = options.max_shard_bytes}));
}

void export_hf_model(const std::filesystem::path& source,
                     const std::filesystem::path& target,
                     const ExportOptions& options) {
  refuse_existing_target(target);
  const std::filesystem::path directory = exported_directory(source);
  const HfModel model = load_hf_model(directory);
  const WeightSource weights(directory, model.spec, model.quantization, /*check_hashes=*/true);
  std::optional<PeftAdapter> adapter;
  HfModel written = model;
  if (options.adapter) {
    adapter = open_peft_adapter(*options.adapter);
    check_adapter_to_merge(*adapter, model.spec);
    written = with_positions_of(*adapter, model);
    dist::Group one_rank;
    if (adapter->base_weights) {
      check_base_weights(*adapter, directory, weights_hash(directory, one_rank));
    }
  }
  const DType dtype = options.dtype.value_or(stored_dtype(weights));
  if (model.quantization) {
    log_warn(directory.string() + ": weights that are stored as " +
             describe_quantization(*model.quantization) + " are dequantised; the export is plain " +
             torch_dtype_name(dtype));
  }
  std::optional<TrainerFiles> masters;
  if (dtype == DType::kF32 && TrainerFiles::has_masters(directory)) {
    masters.emplace(directory);
    check_file_hashes(directory, masters->paths());
  }

  const auto outputs =
      list_outputs({weights, masters ? &*masters : nullptr, adapter ? &*adapter : nullptr}, dtype);
  publish_export(target, total_bytes(outputs), [&](const std::filesystem::path& folder) {
    write_hf_companions(
        folder, written.family->to_hf(written.spec, written.config), dtype, directory);
    write_model(folder, plan_files(outputs, {.max_bytes = options.max_shard_bytes}));
  });
}

}  // namespace ropewalk
