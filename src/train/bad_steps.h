// What a run does about bad steps: it judges each, writes bad_steps.jsonl, and stops, goes on or
// goes back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "ropewalk/data/sample_source.h"
#include "ropewalk/data/sampler.h"
#include "ropewalk/dist/group.h"
#include "ropewalk/train/step_judge.h"
#include "ropewalk/train/train_step.h"

namespace ropewalk {

class BadSteps {
 public:
  struct Place {
    dist::Group& group;
    const SampleSource& samples;
    BatchLayout layout;          // of this rank
    std::filesystem::path file;  // bad_steps.jsonl; empty on ranks that do not write
  };

  // What `history` and `place` refer to must outlive the object.
  BadSteps(const BadStepsConfig& config, StepHistory& history, Place place);

  // For train_step.
  std::string fault_of(double loss, double grad_norm) const {
    return judge_.fault_of(loss, grad_norm);
  }

  // Takes note of a step that began with sample `first_sample` of the run. Returns whether the run
  // has to go back to its last checkpoint. Throws Error (exit 1) where it ends. Collective.
  bool after_step(int64_t step, uint64_t first_sample, const TrainStepResult& result);

 private:
  BadStepAction action_;
  StepJudge judge_;
  Place place_;
};

}  // namespace ropewalk
