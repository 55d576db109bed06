// A LoRA adapter as pip `peft` stores it: a folder with adapter_config.json and
// adapter_model.safetensors. Nothing here reads values; only headers and the config.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/spec/decoder_spec.h"
#include "ropewalk/spec/lora_config.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {

struct PeftAdapter {
  std::filesystem::path folder;
  int64_t rank = 0;
  double alpha = 0.0;
  bool use_rslora = false;
  bool ties_embeddings = false;  // ensure_weight_tying: an embedding in it is the output's as well
  std::shared_ptr<const SafetensorsFile> file;
  // Hash of the weight files that it was trained beside, where base_weights.json tells (our exports
  // have it; peft takes no notice).
  std::optional<std::string> base_weights;

  double scale() const;  // of B A
};

// Throws ConfigError with every entry of the config that asks for something else than plain LoRA,
// CheckpointError for a file that cannot be read.
PeftAdapter open_peft_adapter(const std::filesystem::path& folder);

// Throws ConfigError where the adapter tells its base_weights and they are not those of
// `model_folder` with this hash.
void check_base_weights(const PeftAdapter& adapter,
                        const std::filesystem::path& model_folder,
                        const std::string& hash);

inline constexpr const char* kBaseWeightsName = "base_weights.json";
Json base_weights_json(const std::string& hash);

// Whether a run can start from the adapter: `lora` is the run's section and `spec` its model with
// updates; `trained` names what is trained. What differs goes to `faults`, by setting or tensor.
void check_adapter_to_start_from(const PeftAdapter& adapter,
                                 const LoraConfig& lora,
                                 const DecoderSpec& spec,
                                 const std::vector<std::string>& trained,
                                 Diagnostics& faults);

// Names of an adapter's tensors for one foreign weight.
struct PeftNames {
  explicit PeftNames(const std::string& weight);
  std::string a, b;      // of its update
  std::string replaced;  // of modules_to_save: the whole weight
};

// Whether every tensor of the adapter belongs to the model and fits. Throws ConfigError with all
// faults.
void check_adapter_to_merge(const PeftAdapter& adapter, const DecoderSpec& spec);

// Foreign names that stand for the embedding as the output's weight where the two are tied: PEFT
// stores a tied embedding under both. Empty: not tied.
std::vector<std::string> tied_output_weights(const DecoderSpec& spec);

// adapter_config.json for `spec`, a model with updates. `saved`: foreign names of the weights that
// the adapter holds whole.
Json peft_config(const DecoderSpec& spec,
                 const LoraConfig& lora,
                 const std::vector<std::string>& saved);

}  // namespace ropewalk
