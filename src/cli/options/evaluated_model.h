// What every `eval` of a checkpoint asks: which one, under which scalings, on how many ranks.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace ropewalk::cli {

struct EvaluatedModel {
  std::string checkpoint;
  std::vector<double> factors;                 // empty: the checkpoint's own scaling
  std::vector<std::string> scaling{"linear"};  // kinds, each under every factor
  int64_t nproc = 1;
  int64_t threads = 0;  // 0: one per core
};

// CHECKPOINT, --factors, --scaling, --nproc, --threads.
void declare_evaluated_model(CLI::App& app, EvaluatedModel& model);

}  // namespace ropewalk::cli
