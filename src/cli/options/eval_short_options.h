// `ropewalk eval short`: what extension costs at the lengths that the base model knows.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/options/evaluated_model.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kEvalShortCommand{
    "eval short", "Train and evaluate", "What extension costs at short context, against the base"};

struct EvalShortOptions {
  EvaluatedModel model;
  std::string base;  // empty: nothing to compare with
  std::vector<std::string> data;
  std::vector<int64_t> windows;  // empty: parts of the context that the base was trained with
  int64_t max_documents = 0;     // 0: all
  std::vector<std::string> choices;
  std::string json;
};

void declare_eval_short_options(CLI::App& app, EvalShortOptions& options);

}  // namespace ropewalk::cli
