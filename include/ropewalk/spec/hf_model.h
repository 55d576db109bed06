// A Hugging Face model directory as far as its config.json goes: no weight is read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "ropewalk/rope/identity.h"
#include "ropewalk/spec/decoder_spec.h"
#include "ropewalk/spec/family.h"

namespace ropewalk {

struct ModelConfig;  // spec/model_config.h: the run config's `model`

struct HfModel {
  std::filesystem::path path;  // the directory; empty for a model made from scratch
  Json config;                 // config.json as found, or as it is to be written
  DecoderSpec spec;
  const Family* family = nullptr;
  std::optional<Quantization> quantization;  // of the weight files at `path`
  // Positions as the weights were trained. Differs from spec.rope when config.json was edited by
  // hand, or when a run config asks for more.
  RopeParameters trained_rope;
  // As config.json stores it; its hash also covers what trained_rope has from the file's fields.
  std::optional<RopeIdentity> stored_identity;
  // config.json's pos_scaling_factor was written by hand.
  bool factor_edited = false;
};

// `directory_or_config`: a model directory, or a config.json. Remarks (fields in two places, edits
// by hand) become warnings of `remarks`. Throws ConfigError with every fault.
HfModel load_hf_model(const std::filesystem::path& directory_or_config,
                      Diagnostics* remarks = nullptr);

// The model to train: `base` with the run config's overrides merged and checked. spec.rope, config
// (ready to be written beside the weights) follow; trained_rope stays. Faults and remarks go to
// `diagnostics` under "model.*".
HfModel apply_model_config(const HfModel& base, const ModelConfig& model, Diagnostics& diagnostics);

// The same for a run config as it stands: loads model.pretrained and applies the overrides, or
// makes the architecture from scratch. With faults the result serves only to look for more;
// nothing when not even the architecture is known.
std::optional<HfModel> read_model(const ModelConfig& model, Diagnostics& diagnostics);

// Throws ConfigError with every fault, headed by `source`: the run config's file as the user named
// it.
HfModel resolve_model(const ModelConfig& model,
                      const std::string& source,
                      Diagnostics* remarks = nullptr);

// How the positions to compute with differ from those that the weights were trained with: the same,
// an extension by a factor, or a different model; `text` is one line for the log.
IdentityComparison compare_with_trained(const HfModel& model);

// config.json's text differs from the one that the directory's manifest was made over: what
// differs, one line a key; empty when there is no manifest or no difference that matters.
std::string describe_edits(const HfModel& model);

}  // namespace ropewalk
