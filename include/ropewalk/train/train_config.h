// Section `train` of a run config.
#pragma once

#include "ropewalk/config/fields.h"
#include "ropewalk/train/bad_steps_config.h"

namespace ropewalk {

enum class Precision { kFp32, kBf16 };

constexpr auto enum_names(Precision) {
  return std::array{named(Precision::kFp32, "fp32"), named(Precision::kBf16, "bf16")};
}

struct TrainConfig {
  std::string run_dir;
  int64_t steps = 1000;
  int64_t global_batch_size = 64;
  int64_t micro_batch_size = 1;
  Precision precision = Precision::kFp32;
  int64_t seed = 1;
  int64_t loss_chunk_tokens = 1024;
  double max_time_s = 0.0;
  BadStepsConfig bad_steps;

  static constexpr auto fields() {
    using namespace rules;
    using T = TrainConfig;
    return std::tuple{
        field("run_dir",
              &T::run_dir,
              "Folder of this run: checkpoints, metrics, resolved config.",
              required,
              not_empty,
              may_change_on_resume,
              path),
        field("steps",
              &T::steps,
              "Optimizer steps in all; raise it to continue a finished run.",
              positive,
              may_change_on_resume),
        field("global_batch_size",
              &T::global_batch_size,
              "Sequences per optimizer step over all ranks.",
              positive),
        field("micro_batch_size",
              &T::micro_batch_size,
              "Sequences that one rank computes at a time. More costs memory; the result does not "
              "depend on it.",
              positive),
        field(
            "precision",
            &T::precision,
            "Arithmetic of forward and backward; weights and moments are kept in fp32 either way."),
        field("seed", &T::seed, "Seed of sample order and initial weights.", non_negative),
        field("loss_chunk_tokens",
              &T::loss_chunk_tokens,
              "Tokens whose logits exist at once in the loss. Less saves memory.",
              positive),
        field("max_time_s",
              &T::max_time_s,
              "Seconds after its start at which a run saves and stops as on a signal, at the next "
              "step border, restarts included; 0 = no limit. Leave time for a step and a "
              "checkpoint.",
              non_negative,
              may_change_on_resume),
        field("bad_steps",
              &T::bad_steps,
              "Steps whose loss or gradient shows that something is wrong.",
              may_change_on_resume),
    };
  }
  void check(Diagnostics& d) const {
    if (global_batch_size % micro_batch_size != 0) {
      d.error("global_batch_size",
              "found " + std::to_string(global_batch_size) +
                  ", expected a multiple of micro_batch_size (" + std::to_string(micro_batch_size) +
                  ")");
    }
  }
};

}  // namespace ropewalk
