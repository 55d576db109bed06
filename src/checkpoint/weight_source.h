// The tensors of a Hugging Face directory, checked as a whole against a weight map.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "checkpoint/stored_tensor.h"
#include "ropewalk/formats/model_files.h"
#include "ropewalk/spec/decoder_spec.h"
#include "ropewalk/spec/quantization.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {

// Mapped while it lives.
class WeightSource {
 public:
  // Throws CheckpointError with every missing, left-over, wrongly shaped or wrongly typed tensor.
  // Where the directory has a manifest, the weight files' hashes are checked first
  // (`check_hashes`).
  WeightSource(const std::filesystem::path& directory,
               const DecoderSpec& spec,
               const std::optional<Quantization>& quantization,
               bool check_hashes);

  const std::vector<WeightEntry>& map() const { return map_; }
  // `slice`: one of the map's.
  StoredTensor find(const WeightSlice& slice) const;

 private:
  ModelFiles files_;
  std::vector<WeightEntry> map_;
  std::optional<Quantization> quantization_;
};

}  // namespace ropewalk
