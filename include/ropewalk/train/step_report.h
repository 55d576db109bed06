// What one optimizer step showed; the same on every rank.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ropewalk {

struct StepReport {
  int64_t step = 0;  // steps finished, so 1 after the first
  int64_t total_steps = 0;
  double loss = 0;       // mean cross-entropy per target token of the global batch, nats
  double grad_norm = 0;  // global norm before clipping
  double learning_rate = 0;
  int64_t step_tokens = 0;  // target tokens of this step, over all ranks
  int64_t tokens = 0;       // target tokens since step 0
  // The same by source of the data; empty where there is only one.
  std::vector<std::pair<std::string, int64_t>> source_tokens;
  double epochs = 0;     // of the training data, consumed so far
  bool skipped = false;  // a bad step, whose update was left out
  double step_time_s = 0;
  double tokens_per_second = 0;  // over all ranks, since the last logged step
  double mfu = 0;                // model FLOP/s over the measured matrix-product rate of all ranks
  int64_t memory_bytes = 0;      // peak of this rank: resident set on CPU, allocator on CUDA
  double time_s = 0;             // since this process started training
  double eta_s = 0;
  int world_size = 1;
};

}  // namespace ropewalk
