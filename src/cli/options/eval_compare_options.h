// `ropewalk eval compare`: results of several `eval perplexity --json` side by side.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kEvalCompareCommand{
    "eval compare", "Train and evaluate", "Results of several evaluations side by side"};

struct EvalCompareOptions {
  std::vector<std::string> results;  // NAME=FILE.json
  std::string title;
  std::string plot;
};

void declare_eval_compare_options(CLI::App& app, EvalCompareOptions& options);

}  // namespace ropewalk::cli
