// Runs the stages of a run config one after another, in the same ranks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ropewalk/dist/group.h"
#include "ropewalk/settings/stages.h"
#include "ropewalk/settings/train_inputs.h"
#include "ropewalk/train/trainer.h"

namespace ropewalk {

// Called with the inputs and remarks of each stage before it is trained, on every rank.
using Announce = std::function<void(const TrainInputs& inputs, const Diagnostics& remarks)>;

class StagedRun {
 public:
  StagedRun(std::vector<RunStage> stages,
            const StartOptions& start,
            std::shared_ptr<dist::Group> group,
            Announce announce);

  // Trains what is left: with `start.resume` stages that are finished are passed over, and the
  // first that is not goes on. Returns what the last trainer does. Throws ConfigError where stages
  // cannot be started as asked, Error (exit 1) where a gate stays shut. Collective.
  int run();

 private:
  // What rank 0 sees of a stage's folder.
  struct Progress {
    std::string newest;  // checkpoint; empty: none
    int64_t step = 0;
  };
  Progress look_at(const RunStage& stage) const;
  void refuse_impossible_start() const;
  void refuse_later_stages_begun(size_t unfinished) const;
  StartOptions start_of(const RunStage& stage, const Progress& progress) const;
  int train(const RunStage& stage, const StartOptions& start);
  void pass_gate(const RunStage& stage) const;

  std::vector<RunStage> stages_;
  StartOptions start_;
  std::shared_ptr<dist::Group> group_;
  Announce announce_;
};

}  // namespace ropewalk
