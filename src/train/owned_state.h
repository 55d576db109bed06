// What changes between steps besides the weights, as checkpoint owners.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ropewalk/checkpoint/stateful.h"
#include "ropewalk/optim/adamw.h"
#include "ropewalk/parallel/data_parallel.h"
#include "ropewalk/train/step_judge.h"

namespace ropewalk {

// Moments and number of updates.
class OptimizerState final : public Stateful {
 public:
  explicit OptimizerState(AdamW& optimizer) : optimizer_(optimizer) {}
  std::string key() const override { return "optimizer"; }
  Json state() const override;
  void load_state(const Json& state) override;
  std::vector<ParameterTensors> tensors() override;

 private:
  AdamW& optimizer_;
};

// Progress of the run: where in the data it is and what it has seen.
class ProgressState final : public Stateful {
 public:
  std::string key() const override { return "progress"; }
  Json state() const override;
  void load_state(const Json& state) override;

  uint64_t cursor = 0;                           // samples consumed by all ranks since step 0
  int64_t tokens = 0;                            // target tokens since step 0
  std::map<std::string, int64_t> source_tokens;  // the same by source of the data
  StepHistory steps;                             // what tells bad steps
  std::string data_hash;  // identity of the training shards; a change is told, not refused
  // The random numbers in use: sample order is a function of seed, stream (= epoch) and cursor.
  // Stored for readers; a resume computes them again.
  int64_t seed = 0;
  int64_t epoch = 0;

  // What load_state found; empty before.
  std::string loaded_data_hash;
};

// A run with low-rank updates: their values and those of all else that is trained, in fp32, and
// which weights they stand beside.
class LoraState final : public Stateful {
 public:
  // `base`: weights_hash of model.pretrained.
  LoraState(parallel::DataParallel& data_parallel, std::string base)
      : data_parallel_(data_parallel), base_(std::move(base)) {}
  std::string key() const override { return kLoraStem; }
  Json state() const override { return {{"base", base_}}; }
  void load_state(const Json& state) override;
  std::vector<ParameterTensors> tensors() override;

 private:
  parallel::DataParallel& data_parallel_;
  std::string base_;
};

// The order in which gradients are summed over the ranks.
class ReducerState final : public Stateful {
 public:
  explicit ReducerState(parallel::DataParallel& data_parallel) : data_parallel_(data_parallel) {}
  std::string key() const override { return "reducer"; }
  Json state() const override { return data_parallel_.state(); }
  void load_state(const Json& state) override { data_parallel_.load_state(state); }

 private:
  parallel::DataParallel& data_parallel_;
};

}  // namespace ropewalk
