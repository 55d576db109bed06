// One optimizer step, from micro-batches to updated weights; the same code for one rank and many.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
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
};

// `read_wishes` is called once, when the gradients are there: what is wished during the step is
// granted at its border. Throws Error (exit 1) on every rank when loss or gradient is not finite;
// the weights are then as they were before the step. Collective.
TrainStepResult train_step(const TrainStepContext& context,
                           const std::vector<Batch>& micro_batches,
                           double learning_rate,
                           const std::function<BorderWishes()>& read_wishes);

}  // namespace ropewalk
