// One optimizer step, from micro-batches to updated weights; the same code for one rank and many.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ropewalk/data/loader.h"
#include "ropewalk/dist/group.h"
#include "ropewalk/model/decoder.h"
#include "ropewalk/optim/adamw.h"
#include "ropewalk/parallel/context_parallel.h"
#include "ropewalk/parallel/data_parallel.h"

namespace ropewalk {

// What a rank wants to happen at the next step border. A wish of any rank becomes everybody's.
struct BorderWishes {
  bool stop = false;  // save and end
  bool save = false;  // save and go on
  // Not a wish: a checkpoint that is written in the background has failed.
  bool save_failed = false;
};

// What the trainer is asked in the middle of a step.
struct StepQuestions {
  // Once, when the gradients are there: what is wished during a step is granted at its border.
  std::function<BorderWishes()> read_wishes;
  // Of loss and gradient norm, which are the same on every rank: why the step is bad, or nothing.
  std::function<std::string(double loss, double grad_norm)> fault_of;
};

struct TrainStepContext {
  Decoder& decoder;
  const parallel::ContextParallel& context_parallel;
  parallel::DataParallel& data_parallel;
  AdamW& optimizer;
  dist::Group& group;    // all ranks
  double max_grad_norm;  // 0 = no clipping
  bool pin_memory;
};

struct TrainStepResult {
  double loss = 0;                     // mean over the step's target tokens of all ranks, nats
  double grad_norm = 0;                // before clipping
  int64_t tokens = 0;                  // target tokens of all ranks
  std::vector<int64_t> source_tokens;  // the same by source of the data
  double learning_rate = 0;
  BorderWishes agreed;
  std::string fault;                 // not empty: the update was not made
  std::vector<double> micro_losses;  // of a bad step: this rank's, a mean for each micro-batch
};

// The weights change only if the step is found to be good. Collective.
TrainStepResult train_step(const TrainStepContext& context,
                           const std::vector<Batch>& micro_batches,
                           double learning_rate,
                           const StepQuestions& ask);

}  // namespace ropewalk
