// The run config: one struct that nests every section. Reading order: defaults < file < --set, then
// one validation that reports all faults at once.
#pragma once

#include <filesystem>

#include "ropewalk/base/json.h"
#include "ropewalk/checkpoint/checkpoint_config.h"
#include "ropewalk/data/data_config.h"
#include "ropewalk/eval/eval_config.h"
#include "ropewalk/optim/optimizer_config.h"
#include "ropewalk/optim/schedule_config.h"
#include "ropewalk/parallel/parallel_config.h"
#include "ropewalk/spec/lora_config.h"
#include "ropewalk/spec/model_config.h"
#include "ropewalk/train/log_config.h"
#include "ropewalk/train/train_config.h"

namespace ropewalk {

struct DecoderSpec;

struct RunConfig {
  ModelConfig model;
  LoraConfig lora;
  DataConfig data;
  TrainConfig train;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  ParallelConfig parallel;
  CheckpointConfig checkpoint;
  EvalConfig eval;
  LogConfig log;

  static constexpr auto fields() {
    using namespace rules;
    using R = RunConfig;
    return std::tuple{
        field(
            "model",
            &R::model,
            "The model: a pre-trained checkpoint with overrides, or an architecture from scratch.",
            required),
        field("lora",
              &R::lora,
              "Low-rank updates that are trained instead of the weights; off unless `rank` is "
              "given."),
        field("data", &R::data, "Token shards and how sequences are made of them."),
        field("train", &R::train, "Length, batch, precision and place of the run."),
        field("optimizer", &R::optimizer, "AdamW and what it trains."),
        field("schedule", &R::schedule, "The learning rate over the steps."),
        field("parallel",
              &R::parallel,
              "Ranks, memory and devices. Results do not depend on it, beyond rounding.",
              may_change_on_resume),
        field("checkpoint",
              &R::checkpoint,
              "When to save and what to keep. The last step is always saved.",
              may_change_on_resume),
        field("eval",
              &R::eval,
              "Perplexity on the validation shards while training.",
              may_change_on_resume),
        field("log", &R::log, "Metrics. The last step is always logged.", may_change_on_resume),
    };
  }
  // Rules across sections that need no checkpoint.
  void check(Diagnostics& d) const;
};

// What the config is for: only training demands `data.train`.
enum class RunPurpose { kInspect, kTrain };

// Reads, applies `overrides` ("a.b=v") and validates. Throws ConfigError with every fault; warnings
// go to `warnings` when given, else to the log.
RunConfig load_run_config(const std::filesystem::path& path,
                          const std::vector<std::string>& overrides,
                          RunPurpose purpose,
                          Diagnostics* warnings = nullptr);

// The same with faults and warnings collected in `d`. What cannot be read at all is thrown.
RunConfig read_run_config(const std::filesystem::path& path,
                          const std::vector<std::string>& overrides,
                          RunPurpose purpose,
                          Diagnostics& d);

// The same for a JSON value that is already there; faults and warnings are collected in `d`.
RunConfig parse_run_config(const Json& json, RunPurpose purpose, Diagnostics& d);

// Every setting with its value, defaults included; settings without a value are left out.
Json resolved_json(const RunConfig& config);

// The same without paths: what checkpoints store and a resume compares.
Json portable_json(const RunConfig& config);

// The setting, or the model's whole window.
int64_t sequence_length(const DataConfig& data, const DecoderSpec& spec);
// Within the model's window; says nothing of a setting that is at fault already.
void check_sequence_length(const DataConfig& data, const DecoderSpec& spec, Diagnostics& d);
// Each rank, or each group of context_parallel ranks, computes its share of global_batch_size in
// whole micro-batches.
void check_batch_for_ranks(const RunConfig& config, int64_t world_size, Diagnostics& d);
struct SharedSequence {
  int64_t length = 0;
  int64_t num_heads = 0;
};
// A row is cut into 2 N chunks for N ranks: an early and a late one for each.
void check_context_parallel(const ParallelConfig& parallel,
                            const SharedSequence& sequence,
                            Diagnostics& d);
// The ranks divide as `parallel` says.
void check_shards_for_ranks(const ParallelConfig& parallel, int64_t world_size, Diagnostics& d);

}  // namespace ropewalk
