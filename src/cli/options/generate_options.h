// `ropewalk generate`: continue a prompt.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kGenerateCommand{
    "generate", "Train and evaluate", "Continue a prompt with a checkpoint"};

struct GenerateOptions {
  std::string checkpoint;
  std::string prompt;
  int64_t max_new_tokens = 128;
  double temperature = 1.0;
  double top_p = 1.0;
  bool greedy = false;
  uint64_t seed = 0;
  bool json = false;
  int64_t threads = 0;
};

void declare_generate_options(CLI::App& app, GenerateOptions& options);

}  // namespace ropewalk::cli
