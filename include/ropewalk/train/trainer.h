// A training run from its inputs to its last checkpoint. Every rank makes one and calls run().
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "ropewalk/dist/group.h"
#include "ropewalk/settings/train_inputs.h"

namespace ropewalk {

struct StartOptions {
  std::string resume;  // empty: no; "newest", "auto", a step or a checkpoint's path
  bool overwrite = false;
  std::vector<std::string> allow_change;  // keys that may differ from the checkpoint's settings
  // What train.max_time_s counts from.
  std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
};

class Trainer {
 public:
  // Takes the lock of a run that is there, builds the model, loads weights or the checkpoint.
  // Throws on every rank alike; a refused start has written nothing. Collective.
  Trainer(TrainInputs inputs, const StartOptions& start, std::shared_ptr<dist::Group> group);
  ~Trainer();

  // Returns kExitDone, or kExitStopped after a stop signal, or at the end of its time, and a save.
  // Throws Error (exit 1) at a bad step, as train.bad_steps says. Collective.
  int run();

 private:
  struct Parts;
  void roll_back();

  std::unique_ptr<Parts> parts_;
};

}  // namespace ropewalk
