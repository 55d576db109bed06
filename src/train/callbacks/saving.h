// Checkpoints when they are due, on `save-now`, and before a stop.
#pragma once

#include "ropewalk/checkpoint/checkpointer.h"
#include "ropewalk/train/callback.h"

namespace ropewalk {

class SavingCallback final : public Callback {
 public:
  // `checkpointer` must outlive the callback.
  SavingCallback(Checkpointer& checkpointer, int64_t every_steps)
      : checkpointer_(checkpointer), every_steps_(every_steps) {}
  void after_step(const StepBorder& border) override;

 private:
  Checkpointer& checkpointer_;
  int64_t every_steps_;
};

}  // namespace ropewalk
