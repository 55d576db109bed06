// `ropewalk eval perplexity`: loss on held-out text at several windows and scaling factors.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kEvalPerplexityCommand{
    "eval perplexity", "Train and evaluate", "Perplexity at given windows and scaling factors"};

struct EvalPerplexityOptions {
  std::string checkpoint;
  std::vector<std::string> data;
  std::vector<int64_t> windows;
  std::vector<double> factors;  // empty: the checkpoint's own scaling
  std::string scaling = "linear";
  int64_t stride = 0;         // 0: 256, or the window where that is less
  int64_t max_documents = 0;  // 0: all
  int64_t threads = 0;
  std::string json;
  std::string plot;
};

void declare_eval_perplexity_options(CLI::App& app, EvalPerplexityOptions& options);

}  // namespace ropewalk::cli
