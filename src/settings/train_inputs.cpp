#include "ropewalk/settings/train_inputs.h"

#include <algorithm>

#include "ropewalk/base/collect_faults.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/base/name_patterns.h"
#include "ropewalk/base/text.h"
#include "ropewalk/config/reader.h"
#include "ropewalk/formats/model_files.h"
#include "ropewalk/settings/lora_run.h"
#include "ropewalk/spec/peft_adapter.h"
#include "ropewalk/spec/weight_check.h"
#include "ropewalk/spec/weight_map.h"
#include "ropewalk/tokenizer/tokenizer.h"
#include "settings/evaluation_check.h"
#include "settings/training_samples.h"

namespace ropewalk {
namespace {

// The folder whose tokenizer made the shards and goes into the checkpoints.
std::filesystem::path find_tokenizer_folder(const RunConfig& config) {
  if (config.model.tokenizer) return *config.model.tokenizer;
  return config.model.pretrained.value_or("");
}

std::optional<std::filesystem::path> tokenizer_in(const std::filesystem::path& folder) {
  return folder.empty() ? std::nullopt : tokenizer_file_of(folder);
}

void check_stride(const RunConfig& config, const HfModel& model, Diagnostics& faults) {
  const int64_t length = sequence_length(config.data, model.spec);
  // With eval.windows given, the section itself checks.
  const std::optional<int64_t> stride = config.eval.stride;
  if (config.eval.windows.empty() && stride && *stride > length) {
    faults.error("eval.stride",
                 "found " + std::to_string(*stride) + ", expected at most the window, which is " +
                     "data.sequence_length (" + std::to_string(length) +
                     ") as eval.windows names none: tokens between two windows would be skipped");
  }
}

void check_special_tokens(const RunConfig& config, const HfModel& model, Diagnostics& faults) {
  if (model.spec.eos_token_ids.empty()) {
    faults.error(
        "model.eos_token_id",
        "the model's config.json names no end-of-text token, which separates the documents "
        "of a sequence. Add eos_token_id there (from scratch: here)");
  }
  if (config.data.add_bos.value_or(false) && !model.spec.bos_token_id) {
    faults.error("data.add_bos",
                 "true, but the model's config.json names no begin-of-text token. Add bos_token_id "
                 "there, or set data.add_bos to false");
  }
}

void check_dropout(const HfModel& model, Diagnostics& faults) {
  for (const auto& [key, value] : model.spec.dropouts) {
    faults.error((model.path / "config.json").string() + ": " + key,
                 "found " + format_number(value) +
                     ", expected 0: dropout is not offered in training. Set it to 0.0 there");
  }
}

void check_trainable(const OptimizerConfig& optimizer,
                     const DecoderSpec& spec,
                     Diagnostics& faults) {
  std::vector<std::string> names;
  for (const WeightEntry& entry : weight_map(spec)) {
    if (entry.trainable) names.push_back(entry.name);
  }
  const size_t errors_before = faults.errors().size();
  check_patterns(optimizer.trainable, names, "optimizer.trainable", faults);
  check_patterns(optimizer.frozen, names, "optimizer.frozen", faults);
  const bool none_left = std::none_of(names.begin(), names.end(), [&](const std::string& name) {
    return is_selected(name, optimizer.trainable, optimizer.frozen);
  });
  if (none_left && faults.errors().size() == errors_before) {
    faults.error("optimizer.frozen", "leaves no parameter to train; narrow its patterns");
  }
}

void check_there_are_weights(const RunConfig& config, Diagnostics& faults) {
  if (!config.lora.on() || !config.model.from_scratch()) return;
  faults.error("lora.rank",
               "found " + std::to_string(config.lora.rank) +
                   ", but a model from scratch has no weights to leave as they are: name a "
                   "checkpoint as model.pretrained, or set rank to 0");
}

void check_adapter(const RunConfig& config, const DecoderSpec& spec, Diagnostics& faults) {
  const OptimizerConfig optimizer = trained_parameters(config, spec);
  std::vector<std::string> trained;
  for (const WeightEntry& entry : weight_map(spec)) {
    if (entry.trainable && is_selected(entry.name, optimizer.trainable, optimizer.frozen)) {
      trained.push_back(entry.name);
    }
  }
  const std::filesystem::path folder = *config.lora.pretrained;
  collect_faults(faults, "lora.pretrained", [&] {
    check_adapter_to_start_from(open_peft_adapter(folder), config.lora, spec, trained, faults);
    if (!std::filesystem::exists(folder / "config.json")) return;
    if (load_hf_model(folder).spec.rope == spec.rope) return;
    faults.warning("lora.pretrained",
                   "the adapter was trained at other positions (" +
                       (folder / "config.json").string() + ") than this run's model has");
  });
}

void check_weight_files(const HfModel& model, Diagnostics& faults) {
  collect_faults(faults, "model.pretrained", [&] {
    check_weights(ModelFiles::open(model.path), model.spec, model.quantization)
        .throw_if_errors<CheckpointError>(model.path.string() + " (weights)");
  });
}

void check_model(const RunConfig& config, const HfModel& model, Diagnostics& faults) {
  check_sequence_length(config.data, model.spec, faults);
  check_stride(config, model, faults);
  if (is_sound(faults, {"data.sequence_length", "parallel"})) {
    check_context_parallel(
        config.parallel, {sequence_length(config.data, model.spec), model.spec.num_heads}, faults);
  }
  check_special_tokens(config, model, faults);
  check_dropout(model, faults);
  check_there_are_weights(config, faults);
  if (is_sound(faults, {"optimizer.trainable", "optimizer.frozen", "lora"})) {
    const DecoderSpec spec = with_lora(config, model.spec, faults);
    check_trainable(trained_parameters(config, spec), spec, faults);
    if (config.lora.pretrained && is_sound(faults, {"lora"})) check_adapter(config, spec, faults);
  }
  if (config.model.pretrained) check_weight_files(model, faults);
}

TokenDatasetOptions expected_tokens(const std::filesystem::path& tokenizer_folder,
                                    const std::optional<HfModel>& model,
                                    Diagnostics& found) {
  TokenDatasetOptions expected;
  if (model) expected.vocab_size = model->spec.vocab_size;
  if (model && !model->spec.eos_token_ids.empty()) {
    expected.eos_id = static_cast<int32_t>(model->spec.eos_token_ids.front());
  }
  if (const auto file = tokenizer_in(tokenizer_folder)) {
    expected.tokenizer_hash = hash_file(*file);
  } else {
    found.warning("model",
                  "neither tokenizer.json nor tokenizer.model beside the model: that the shards "
                  "were made with "
                  "the model's tokenizer cannot be checked");
  }
  return expected;
}

// Null when none are named or something is wrong with them.
std::shared_ptr<const TokenDataset> open_shards(const std::string& key,
                                                const std::vector<std::string>& folders,
                                                const TokenDatasetOptions& expected,
                                                Diagnostics& faults) {
  std::shared_ptr<const TokenDataset> tokens;
  if (folders.empty() || !is_sound(faults, {key})) return tokens;
  collect_faults(faults, key, [&] {
    tokens = TokenDataset::open({folders.begin(), folders.end()}, expected);
  });
  return tokens;
}

// What stands before each document: as data.add_bos says, else as the tokenizer itself does.
std::optional<int32_t> bos_before_documents(const TrainInputs& inputs) {
  const std::optional<bool> wanted = inputs.config.data.add_bos;
  const DecoderSpec& spec = inputs.model.spec;
  if (wanted) return *wanted ? std::optional<int32_t>(*spec.bos_token_id) : std::nullopt;
  if (!tokenizer_in(inputs.tokenizer_folder)) return std::nullopt;
  const auto tokenizer = Tokenizer::load(inputs.tokenizer_folder);
  return tokenizer->add_bos() ? tokenizer->bos_id() : std::nullopt;
}

std::shared_ptr<const SampleSource> make_samples(const TrainInputs& inputs, Diagnostics& faults) {
  const DataConfig& data = inputs.config.data;
  std::shared_ptr<const SampleSource> samples;
  if (!is_sound(faults, {"data", "model.eos_token_id"})) return samples;
  collect_faults(faults, "data.train", [&] {
    const DecoderSpec& spec = inputs.model.spec;
    const auto eos = static_cast<int32_t>(spec.eos_token_ids.front());
    const SequenceOptions sequence{
        .sequence_length = sequence_length(data, spec),
        .bos_id = bos_before_documents(inputs),
        .eos_id = data.add_eos.value_or(true) ? std::optional(eos) : std::nullopt,
        .padding_id = eos,
        .min_piece_tokens = data.packing == Packing::kDocument
                                ? std::max<int64_t>(data.min_document_tokens, 1)
                                : 1};
    samples = make_training_samples(
        data,
        inputs.train_tokens,
        {.sequence = sequence, .seed = static_cast<uint64_t>(inputs.config.train.seed)},
        faults);
  });
  const TrainConfig& train = inputs.config.train;
  if (samples && !data.repeat && is_sound(faults, {"train"})) {
    check_enough_samples(
        *samples, static_cast<uint64_t>(train.steps * train.global_batch_size), faults);
  }
  return samples;
}

}  // namespace

TrainInputs load_train_inputs(const RunStage& stage, int64_t world_size, Diagnostics& warnings) {
  TrainInputs inputs;
  inputs.source = stage.source;
  Diagnostics found;
  inputs.config = parse_run_config(stage.config, RunPurpose::kTrain, found);
  const RunConfig& config = inputs.config;
  if (is_sound(
          found,
          {"train.global_batch_size", "train.micro_batch_size", "parallel.context_parallel"})) {
    check_batch_for_ranks(config, world_size, found);
  }
  if (is_sound(found, {"parallel"})) check_shards_for_ranks(config.parallel, world_size, found);
  std::optional<HfModel> model;
  if (is_sound(found, {"model"})) model = read_model(config.model, found);
  if (model) check_model(config, *model, found);
  inputs.tokenizer_folder = find_tokenizer_folder(config);
  const TokenDatasetOptions expected = expected_tokens(inputs.tokenizer_folder, model, found);
  inputs.train_tokens = open_shards("data.train", config.data.train, expected, found);
  inputs.validation = open_shards("data.validation", config.data.validation, expected, found);
  if (is_sound(found, {"eval"})) {
    inputs.evaluation_tasks = read_evaluation_tasks(config.eval, inputs.tokenizer_folder, found);
  }
  if (model) {
    inputs.model = *model;
    inputs.eval = evaluation_in_force(config, model->spec);
    if (is_sound(found, {"eval", "data", "model"})) check_evaluation(inputs, stage.gates, found);
    if (inputs.train_tokens) inputs.samples = make_samples(inputs, found);
  }
  found.throw_if_errors<ConfigError>(inputs.source);
  inputs.spec = with_lora(config, model->spec, found);
  inputs.optimizer = trained_parameters(config, inputs.spec);
  warnings.merge(found);
  return inputs;
}

std::vector<TrainInputs> load_all_train_inputs(const std::filesystem::path& run_config,
                                               const std::vector<std::string>& overrides,
                                               int64_t world_size) {
  Diagnostics faults;
  const std::vector<RunStage> stages = read_stages(run_config, overrides, faults);
  std::vector<std::string> reports;
  if (!faults.ok()) reports.push_back(faults.report(run_config.string()));
  std::vector<TrainInputs> inputs;
  for (const RunStage& stage : stages) {
    try {
      Diagnostics ignored;
      inputs.push_back(load_train_inputs(stage, world_size, ignored));
    } catch (const ConfigError& error) {
      reports.emplace_back(error.what());
    }
  }
  if (!reports.empty()) throw ConfigError(join(reports, "\n"));
  return inputs;
}

}  // namespace ropewalk
