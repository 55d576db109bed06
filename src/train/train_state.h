// Everything that changes while a run goes on, put together: the decoder with its weights, the
// optimizer, the ranks' reducer, and the checkpointer that saves and restores all of them.
#pragma once

#include <memory>
#include <optional>

#include "ropewalk/checkpoint/checkpointer.h"
#include "ropewalk/model/decoder.h"
#include "ropewalk/optim/adamw.h"
#include "ropewalk/parallel/context_parallel.h"
#include "ropewalk/parallel/data_parallel.h"
#include "ropewalk/settings/train_inputs.h"
#include "ropewalk/train/trainer.h"
#include "train/owned_state.h"

namespace ropewalk {

class TrainState {
 public:
  // Weights come from the checkpoint that `start` names, else from model.pretrained, else from
  // random numbers. References must outlive the object. Collective.
  TrainState(const TrainInputs& inputs,
             const StartOptions& start,
             std::shared_ptr<dist::Group> group);

  // What was loaded; nothing on a fresh start.
  const std::optional<FoundCheckpoint>& resumed_from() const { return resumed_from_; }
  std::optional<int64_t> resumed_step() const {
    return resumed_from_ ? std::optional(resumed_from_->step) : std::nullopt;
  }

  Decoder& decoder() { return *decoder_; }
  AdamW& optimizer() { return *optimizer_; }
  const parallel::ContextParallel& context_parallel() const { return context_parallel_; }
  parallel::DataParallel& data_parallel() { return *data_parallel_; }
  Checkpointer& checkpointer() { return *checkpointer_; }
  ProgressState& progress() { return progress_; }
  const ProgressState& progress() const { return progress_; }

 private:
  std::shared_ptr<Decoder> decoder_;
  std::unique_ptr<AdamW> optimizer_;
  parallel::ContextParallel context_parallel_;
  std::unique_ptr<parallel::DataParallel> data_parallel_;
  std::unique_ptr<OptimizerState> optimizer_state_;
  std::unique_ptr<ReducerState> reducer_state_;
  std::unique_ptr<LoraState> lora_state_;  // null: no low-rank updates
  ProgressState progress_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::optional<FoundCheckpoint> resumed_from_;
};

}  // namespace ropewalk
