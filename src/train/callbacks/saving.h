// Checkpoints when they are due, on `save-now`, and before a stop.
#pragma once

#include <functional>

#include "ropewalk/checkpoint/checkpoint_config.h"
#include "ropewalk/checkpoint/checkpointer.h"
#include "ropewalk/train/callback.h"

namespace ropewalk {

class SavingCallback final : public Callback {
 public:
  // `checkpointer` must outlive the callback.
  SavingCallback(Checkpointer& checkpointer, const CheckpointConfig& config)
      : checkpointer_(checkpointer), config_(config) {}
  void after_step(const StepBorder& border) override;

 private:
  Checkpointer& checkpointer_;
  CheckpointConfig config_;
};

}  // namespace ropewalk
