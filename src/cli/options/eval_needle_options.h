// `ropewalk eval needle`: a number at several depths of texts of several lengths.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/options/evaluated_model.h"
#include "cli/options/retrieval_options.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kEvalNeedleCommand{
    "eval needle",
    "Train and evaluate",
    "Whether a number is found at any depth of a text of any length"};

struct EvalNeedleOptions {
  EvaluatedModel model;
  std::vector<int64_t> lengths;
  std::vector<double> depths{0, 0.25, 0.5, 0.75, 1};
  RetrievalOptions retrieval{.trials = 5};
};

void declare_eval_needle_options(CLI::App& app, EvalNeedleOptions& options);

}  // namespace ropewalk::cli
