#include "checkpoint/weight_source.h"

#include "checkpoint/file_hashes.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/spec/stored_weight.h"
#include "ropewalk/spec/weight_check.h"

namespace ropewalk {

WeightSource::WeightSource(const std::filesystem::path& directory,
                           const DecoderSpec& spec,
                           const std::optional<Quantization>& quantization,
                           bool check_hashes)
    : files_(ModelFiles::open(directory)), map_(weight_map(spec)), quantization_(quantization) {
  if (check_hashes) {
    std::vector<std::filesystem::path> paths;
    for (const auto& file : files_.files()) paths.push_back(file->path());
    check_file_hashes(directory, paths);
  }
  check_weights(files_, spec, quantization)
      .throw_if_errors<CheckpointError>(directory.string() + " (weights)");
}

StoredTensor WeightSource::find(const WeightSlice& slice) const {
  const StoredWeight stored = find_stored_weight(slice, quantization_, files_);
  StoredTensor tensor;
  tensor.quantization = stored.quantization;
  tensor.values = files_.find(stored.parts.front().name);
  if (stored.quantization) tensor.scales = files_.find(stored.parts.back().name);
  return tensor;
}

}  // namespace ropewalk
