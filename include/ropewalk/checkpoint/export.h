// A decoder, or another checkpoint, as a Hugging Face directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/formats/manifest.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/model/decoder.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk {

struct HfWriteOptions {
  Json config;                        // config.json; its dtype fields are set to `dtype`
  std::filesystem::path copied_from;  // tokenizer files and generation_config.json; empty = none
  DType dtype = DType::kF32;          // of the weights: kF32, kF16 or kBF16
  uint64_t max_shard_bytes = 5'000'000'000;
};

// Writes an HF model directory into the existing, empty `folder` and gives size and hash of the
// weight files for a manifest. Publishing is the caller's. Throws IoError.
std::vector<ManifestEntry> write_hf_model(const std::filesystem::path& folder,
                                          const Decoder& decoder,
                                          const HfWriteOptions& options);

struct ExportOptions {
  std::optional<DType> dtype;  // default: as stored; bf16 where weights are stored quantised
  uint64_t max_shard_bytes = 5'000'000'000;
  std::optional<std::filesystem::path>
      adapter;  // folder of a PEFT adapter to merge into the weights
};

// `source` (any HF directory, a checkpoint of a run, or a run directory: its newest checkpoint) to
// `target`, tensor by tensor, published at once. What is quantised becomes plain. Where the
// checkpoint has fp32 master weights and fp32 is asked for, they are taken. An
// adapter is merged in fp32, and the positions are those of the config.json beside it, if there is
// one. Throws ConfigError when `target` exists, or with all that makes the
// adapter another model's.
void export_hf_model(const std::filesystem::path& source,
                     const std::filesystem::path& target,
                     const ExportOptions& options);

}  // namespace ropewalk
