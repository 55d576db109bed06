// `ropewalk eval perplexity`: loss on held-out text at several windows and scaling factors.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/options/evaluated_model.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kEvalPerplexityCommand{
    "eval perplexity", "Train and evaluate", "Perplexity at given windows and scaling factors"};

struct EvalPerplexityOptions {
  EvaluatedModel model;
  std::vector<std::string> data;
  std::vector<int64_t> windows;
  std::string protocol = "pi";
  int64_t stride = 0;         // 0: 256, or the window where that is less
  int64_t max_documents = 0;  // 0: all
  std::string json;
  std::string plot;
  std::string position_plot;
};

void declare_eval_perplexity_options(CLI::App& app, EvalPerplexityOptions& options);

}  // namespace ropewalk::cli
