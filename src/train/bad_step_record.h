// bad_steps.jsonl of a run directory: one line for each bad step, with the samples that it was made
// of, so that a person can look at them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ropewalk/data/sample_source.h"
#include "ropewalk/data/sampler.h"
#include "ropewalk/train/bad_steps_config.h"
#include "ropewalk/train/train_step.h"

namespace ropewalk {

struct BadStep {
  int64_t step = 0;
  uint64_t first_sample = 0;  // of the run
  BadStepAction action = BadStepAction::kStop;
  const TrainStepResult& result;
  // Mean losses by rank and micro-step. Ranks that share sequences have parts of the same ones.
  std::vector<std::vector<double>> micro_losses;
};

// Appends a line. `layout`: of any rank.
void record_bad_step(const std::filesystem::path& file,
                     const BadStep& bad,
                     const BatchLayout& layout,
                     const SampleSource& samples);

}  // namespace ropewalk
