// Everything a training run is made of, read and checked against each other before anything is
// computed or written: the config, the model it names, the shards. Torch-free, so that a mistake is
// told within a fraction of a second and once, not by every rank.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ropewalk/data/sample_source.h"
#include "ropewalk/data/token_dataset.h"
#include "ropewalk/settings/evaluation_tasks.h"
#include "ropewalk/settings/run_config.h"
#include "ropewalk/settings/stages.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk {

struct TrainInputs {
  std::string source;  // the run config's file and stage, which head messages
  RunConfig config;
  HfModel model;     // as it is to be trained: scaling applied, config.json ready to be written
  DecoderSpec spec;  // what is trained: model.spec, with the low-rank updates of `lora`
  OptimizerConfig optimizer;               // with `trainable` as it is in force
  EvalConfig eval;                         // with `windows` as they are in force
  std::filesystem::path tokenizer_folder;  // empty when there is none
  std::shared_ptr<const TokenDataset> train_tokens;
  std::shared_ptr<const SampleSource> samples;     // made of train_tokens
  std::shared_ptr<const TokenDataset> validation;  // null: no perplexity while training
  EvaluationTasks evaluation_tasks;
};

// Throws ConfigError with every fault of the config, the model, the weight files' headers and the
// shards, as far as one can be judged beside the others. Warnings go to `warnings`.
TrainInputs load_train_inputs(const RunStage& stage, int64_t world_size, Diagnostics& warnings);

// Every stage of a run config, the later ones as if they began with the first one's weights: what
// can be told before a rank starts. Throws ConfigError with every fault of all of them.
std::vector<TrainInputs> load_all_train_inputs(const std::filesystem::path& run_config,
                                               const std::vector<std::string>& overrides,
                                               int64_t world_size);

}  // namespace ropewalk
