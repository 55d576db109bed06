#include "ropewalk/settings/run_config.h"

#include <algorithm>
#include <numeric>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"
#include "ropewalk/config/description.h"
#include "ropewalk/config/reader.h"
#include "ropewalk/config/writer.h"
#include "ropewalk/settings/stages.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {
namespace {

void check_lengths(const RunConfig& config, Diagnostics& d) {
  const auto context = config.model.max_position_embeddings;
  if (!context) return;
  const auto length = config.data.sequence_length;
  if (length && *length > *context) {
    d.error("data.sequence_length",
            "found " + std::to_string(*length) + ", expected at most " +
                "model.max_position_embeddings (" + std::to_string(*context) +
                "). Shorten the sequences, or raise max_position_embeddings together with "
                "pos_scaling_factor");
  }
  for (int64_t window : config.eval.windows) {
    if (window > *context) {
      d.warning("eval.windows",
                "found " + std::to_string(window) + ", beyond model.max_position_embeddings (" +
                    std::to_string(*context) + "): evaluated as it is");
    }
  }
}

void check_lora(const RunConfig& config, Diagnostics& d) {
  if (!config.lora.on() || config.optimizer.trainable == OptimizerConfig{}.trainable) return;
  d.error("optimizer.trainable",
          "stands beside lora.rank, which chooses what is trained: leave it out. "
          "lora.train_norms, lora.train_embeddings and optimizer.frozen narrow the choice");
}

// Other values that would fit: the neighbours of the batch, and other micro-batches for it.
std::string batch_suggestion(const TrainConfig& train, int64_t unit, int64_t num_readers) {
  const int64_t below = train.global_batch_size / unit * unit;
  std::string text = "Nearest: " + (below > 0 ? std::to_string(below) + " or " : "") +
                     std::to_string(below + unit);
  if (train.global_batch_size % num_readers == 0) {
    const int64_t per_reader = train.global_batch_size / num_readers;
    const int64_t micro = std::gcd(per_reader, train.micro_batch_size);
    text += "; or keep it and set micro_batch_size " + std::to_string(micro);
  }
  return text;
}

// Nearest divisors of `number` on both sides of a value that is none.
std::string nearest_divisors(int64_t number, int64_t value) {
  int64_t below = std::min(value, number), above = std::min(value, number);
  while (number % below != 0) --below;
  while (number % above != 0) ++above;
  return below == above ? std::to_string(below)
                        : std::to_string(below) + " or " + std::to_string(above);
}

}  // namespace

int64_t sequence_length(const DataConfig& data, const DecoderSpec& spec) {
  return data.sequence_length.value_or(spec.rope.max_position_embeddings);
}

void check_sequence_length(const DataConfig& data, const DecoderSpec& spec, Diagnostics& d) {
  const int64_t length = sequence_length(data, spec), window = spec.rope.max_position_embeddings;
  if (length <= window || !is_sound(d, {"data.sequence_length"})) return;
  d.error("data.sequence_length",
          std::to_string(length) + " is longer than the model's window of " +
              std::to_string(window) +
              " positions. Raise model.max_position_embeddings (with model.pos_scaling_factor), or "
              "shorten the sequences");
}

void check_batch_for_ranks(const RunConfig& config, int64_t world_size, Diagnostics& d) {
  const TrainConfig& train = config.train;
  const int64_t sharing = config.parallel.context_parallel;
  if (world_size % sharing != 0) {
    return d.error("parallel.context_parallel",
                   "found " + std::to_string(sharing) + " on " + counted(world_size, "rank") +
                       ", expected a divisor of the number of ranks. Nearest: " +
                       nearest_divisors(world_size, sharing) +
                       "; or start another number of ranks (--nproc)");
  }
  // What reads a batch of its own: a rank, or the ranks that share each sequence.
  const int64_t readers = world_size / sharing;
  const std::string unit_name = sharing == 1 ? "ranks" : "ranks / context_parallel";
  // Both factors are user input: compare by division, the product may overflow.
  const int64_t per_micro = train.global_batch_size / train.micro_batch_size;
  if (train.global_batch_size % train.micro_batch_size == 0 && per_micro % readers == 0) return;
  const std::string found =
      "found " + std::to_string(train.global_batch_size) + " with micro_batch_size " +
      std::to_string(train.micro_batch_size) + " on " + counted(world_size, "rank") +
      (sharing == 1 ? "" : " with context_parallel " + std::to_string(sharing));
  if (train.micro_batch_size > INT64_MAX / 2 / readers) {
    return d.error("train.global_batch_size",
                   found + ", expected a multiple of micro_batch_size x " + unit_name);
  }
  const int64_t unit = train.micro_batch_size * readers;
  d.error("train.global_batch_size",
          found + ", expected a multiple of " + std::to_string(unit) + " (micro_batch_size x " +
              unit_name + "). " + batch_suggestion(train, unit, readers));
}

void check_context_parallel(const ParallelConfig& parallel,
                            const SharedSequence& sequence,
                            Diagnostics& d) {
  const int64_t ranks = parallel.context_parallel, length = sequence.length;
  if (ranks == 1) return;
  if (ranks > length / 2 || length % (2 * ranks) != 0) {
    const int64_t unit = 2 * std::min(ranks, length), below = length / unit * unit;
    d.error("data.sequence_length",
            "found " + std::to_string(length) + " with parallel.context_parallel " +
                std::to_string(ranks) + ", expected a multiple of " + std::to_string(unit) +
                " (2 x context_parallel). Nearest: " +
                (below > 0 ? std::to_string(below) + " or " : "") + std::to_string(below + unit));
  }
  if (parallel.context_parallel_method == ContextParallelMethod::kUlysses &&
      sequence.num_heads % ranks != 0) {
    d.error("parallel.context_parallel_method",
            "found ulysses with context_parallel " + std::to_string(ranks) +
                ", expected a divisor of the model's " + std::to_string(sequence.num_heads) +
                " attention heads, which the ranks share. Set it to ring, or change "
                "context_parallel");
  }
}

void check_shards_for_ranks(const ParallelConfig& parallel, int64_t world_size, Diagnostics& d) {
  if (parallel.shard_size == 0 || world_size % parallel.shard_size == 0) return;
  d.error("parallel.shard_size",
          "found " + std::to_string(parallel.shard_size) + ", expected a divisor of the " +
              counted(world_size, "rank") + "; 0 shares the state among all of them");
}

void RunConfig::check(Diagnostics& d) const {
  check_lengths(*this, d);
  check_lora(*this, d);
  if (schedule.warmup_steps > train.steps) {
    d.warning("schedule.warmup_steps",
              "found " + std::to_string(schedule.warmup_steps) + ", more than train.steps (" +
                  std::to_string(train.steps) + "): the peak learning rate is never reached");
  }
  if (data.add_bos.value_or(false) && model.from_scratch() && !model.bos_token_id) {
    d.error("data.add_bos",
            "found true, expected model.bos_token_id beside it: which token is it?");
  }
}

RunConfig parse_run_config(const Json& json, RunPurpose purpose, Diagnostics& d) {
  RunConfig config = parse_fields<RunConfig>(json, d);
  const bool faulty = std::any_of(d.errors().begin(), d.errors().end(), [](const auto& item) {
    return item.where.rfind("data.train", 0) == 0;
  });
  if (purpose == RunPurpose::kTrain && config.data.train.empty() && !faulty) {
    d.error("data.train",
            "names no data: make token shards with `ropewalk prepare`, then write "
            "\"train\": [\"FOLDER\"] or give --set 'data.train=[\"FOLDER\"]'");
  }
  return config;
}

RunConfig read_run_config(const std::filesystem::path& path,
                          const std::vector<std::string>& overrides,
                          RunPurpose purpose,
                          Diagnostics& d) {
  const std::vector<RunStage> stages = read_stages(path, overrides, d);
  if (stages.front().number > 0) {
    d.error("stages",
            "found where a run config of one stage is expected: print one with `ropewalk config "
            "print " +
                path.string() + " --stage 1`, and use that");
  }
  return parse_run_config(stages.front().config, purpose, d);
}

RunConfig load_run_config(const std::filesystem::path& path,
                          const std::vector<std::string>& overrides,
                          RunPurpose purpose,
                          Diagnostics* warnings) {
  Diagnostics d;
  RunConfig config = read_run_config(path, overrides, purpose, d);
  d.throw_if_errors<ConfigError>(path.string());
  for (const Diagnostics::Item& item : d.warnings()) {
    if (warnings != nullptr) {
      warnings->warning(item.where, item.text);
    } else {
      log_warn(path.string() + ": " + item.where + ": " + item.text);
    }
  }
  return config;
}

Json resolved_json(const RunConfig& config) { return to_json(config); }

Json portable_json(const RunConfig& config) {
  Json json = resolved_json(config);
  for (const FieldDescription& section : describe<RunConfig>()) {
    for (const FieldDescription& setting : section.children) {
      if (find_rule(setting.rules, RuleKind::kPath)) json[section.name].erase(setting.name);
    }
  }
  return json;
}

}  // namespace ropewalk
