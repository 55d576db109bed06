// `ropewalk eval recall`: one of several numbers, and the value at the end of a chain of variables.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/options/evaluated_model.h"
#include "cli/options/retrieval_options.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kEvalRecallCommand{
    "eval recall",
    "Train and evaluate",
    "Whether one of several numbers is found, and a chain of variables followed"};

struct EvalRecallOptions {
  EvaluatedModel model;
  std::vector<int64_t> lengths;
  int64_t keys = 4;
  int64_t hops = 2;
  RetrievalOptions retrieval;
};

void declare_eval_recall_options(CLI::App& app, EvalRecallOptions& options);

}  // namespace ropewalk::cli
