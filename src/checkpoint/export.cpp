#include "ropewalk/checkpoint/export.h"

#include "checkpoint/file_hashes.h"
#include "checkpoint/hf_folder.h"
#include "checkpoint/stored_tensor.h"
#include "checkpoint/tensor_bytes.h"
#include "checkpoint/tensor_files.h"
#include "checkpoint/trainer_files.h"
#include "checkpoint/weight_source.h"
#include "checkpoint/write_files.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"
#include "ropewalk/checkpoint/discovery.h"

namespace ropewalk {
namespace {

std::filesystem::path model_directory(const std::filesystem::path& source) {
  const std::filesystem::path checkpoints = source / "checkpoints";
  if (!std::filesystem::is_directory(checkpoints)) return source;
  const auto newest = find_newest_checkpoint(checkpoints);
  if (!newest) {
    throw CheckpointError(source.string() +
                          ": is a run directory without a checkpoint; nothing to export");
  }
  return newest->path;
}

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

std::vector<OutputTensor> list_outputs(const WeightSource& weights,
                                       const TrainerFiles* masters,
                                       DType dtype) {
  std::vector<OutputTensor> outputs;
  for (const WeightEntry& entry : weights.map()) {
    for (const WeightSlice& slice : entry.slices) {
      StoredTensor tensor = weights.find(slice);
      if (masters != nullptr) {
        tensor = StoredTensor{.values = masters->find(slice.foreign_name + kMasterSuffix)};
      }
      OutputTensor output;
      output.info.name = slice.foreign_name;
      output.info.dtype = dtype;
      output.info.shape = slice.shape;
      output.read = [tensor, &slice, dtype] { return read_stored(tensor, slice, dtype); };
      outputs.push_back(std::move(output));
    }
  }
  return outputs;
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
  if (std::filesystem::exists(std::filesystem::symlink_status(target))) {
    throw ConfigError(target.string() +
                      ": exists already; export never overwrites: name a new folder or remove it");
  }
  const std::filesystem::path directory = model_directory(source);
  const HfModel model = load_hf_model(directory);
  const WeightSource weights(directory, model.spec, model.quantization, /*check_hashes=*/true);
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

  const auto outputs = list_outputs(weights, masters ? &*masters : nullptr, dtype);
  const std::filesystem::path temporary = temporary_sibling(target);
  try {
    make_directories(temporary);
    write_hf_companions(temporary, model.family->to_hf(model.spec, model.config), dtype, directory);
    write_model(temporary, plan_files(outputs, {.max_bytes = options.max_shard_bytes}));
    publish_directory(temporary, target);
  } catch (const NotDurableError&) {
    throw;
  } catch (const IoError& error) {
    std::error_code ignored;
    std::filesystem::remove_all(temporary, ignored);
    throw IoError(std::string(error.what()) + "\n" + target.string() + " needs " +
                  format_bytes(total_bytes(outputs)) + "; the unfinished folder was removed");
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(temporary, ignored);
    throw;
  }
}

}  // namespace ropewalk
