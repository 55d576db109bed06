#include "ropewalk/settings/train_inputs.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/formats/model_files.h"
#include "ropewalk/spec/weight_check.h"

namespace ropewalk {
namespace {

// The folder whose tokenizer made the shards and goes into the checkpoints.
std::filesystem::path find_tokenizer_folder(const RunConfig& config) {
  if (config.model.tokenizer) return *config.model.tokenizer;
  return config.model.pretrained.value_or("");
}

void check_length(const RunConfig& config, const HfModel& model, Diagnostics& faults) {
  const int64_t limit = model.spec.rope.max_position_embeddings;
  const int64_t length = config.data.sequence_length.value_or(limit);
  if (length > limit) {
    faults.error("data.sequence_length",
                 std::to_string(length) + " is longer than the model's window of " +
                     std::to_string(limit) +
                     " positions. Raise model.max_position_embeddings (with "
                     "model.pos_scaling_factor), or shorten the sequences");
  }
}

void check_special_tokens(const RunConfig& config, const HfModel& model, Diagnostics& faults) {
  if (model.spec.eos_token_ids.empty()) {
    faults.error(
        "model.eos_token_id",
        "the model's config.json names no end-of-text token, which separates the documents "
        "of a sequence. Add eos_token_id there (from scratch: here)");
  }
  if (config.data.add_bos && !model.spec.bos_token_id) {
    faults.error("data.add_bos",
                 "true, but the model's config.json names no begin-of-text token. Add bos_token_id "
                 "there, or set data.add_bos to false");
  }
}

std::shared_ptr<const TokenDataset> open_shards(const std::vector<std::string>& folders,
                                                const TokenDatasetOptions& options) {
  return TokenDataset::open({folders.begin(), folders.end()}, options);
}

}  // namespace

TrainInputs load_train_inputs(const std::filesystem::path& run_config,
                              const std::vector<std::string>& overrides,
                              int64_t world_size,
                              Diagnostics& warnings) {
  TrainInputs inputs;
  inputs.config = load_run_config(run_config, overrides, RunPurpose::kTrain, &warnings);
  const RunConfig& config = inputs.config;
  inputs.model = resolve_model(config.model, &warnings);

  Diagnostics faults;
  check_batch_for_ranks(config.train, world_size, faults);
  check_length(config, inputs.model, faults);
  check_special_tokens(config, inputs.model, faults);
  faults.throw_if_errors<ConfigError>(run_config.string());

  if (config.model.pretrained) {
    const ModelFiles weights = ModelFiles::open(inputs.model.path);
    check_weights(weights, inputs.model.spec)
        .throw_if_errors<CheckpointError>(inputs.model.path.string() + " (weights)");
  }

  TokenDatasetOptions expected;
  expected.vocab_size = inputs.model.spec.vocab_size;
  inputs.tokenizer_folder = find_tokenizer_folder(config);
  const std::filesystem::path tokenizer_file = inputs.tokenizer_folder / "tokenizer.json";
  if (!inputs.tokenizer_folder.empty() && std::filesystem::exists(tokenizer_file)) {
    expected.tokenizer_hash = hash_file(tokenizer_file);
  } else {
    warnings.warning("model",
                     "no tokenizer.json beside the model: that the shards were made with "
                     "the model's tokenizer cannot be checked");
  }
  const int64_t length =
      config.data.sequence_length.value_or(inputs.model.spec.rope.max_position_embeddings);
  ConcatOptions concat{.sequence_length = length,
                       .eos_id = static_cast<int32_t>(inputs.model.spec.eos_token_ids.front()),
                       .bos_id = {}};
  if (config.data.add_bos) concat.bos_id = static_cast<int32_t>(*inputs.model.spec.bos_token_id);
  inputs.train_tokens = open_shards(config.data.train, expected);
  inputs.sequences = make_concat_dataset(inputs.train_tokens, concat);
  if (!config.data.validation.empty()) {
    inputs.validation = open_shards(config.data.validation, expected);
  }
  return inputs;
}

}  // namespace ropewalk
