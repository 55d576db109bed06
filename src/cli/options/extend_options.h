// `ropewalk extend`: from a checkpoint and a wanted length to a run config.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kExtendCommand{
    "extend", "Prepare", "Write a run config that lengthens a checkpoint's context"};

struct ExtendOptions {
  std::string checkpoint;
  int64_t to = 0;  // the new max_position_embeddings
  std::string method = "linear";
  std::optional<int64_t> original_max_position_embeddings;  // the pre-training context L
  bool allow_linear_over_native = false;
  std::vector<std::string> data;
  std::vector<std::string> validation;
  std::string run_dir;  // empty: derived from the length
  std::string output;   // empty: run.json is printed
  bool overwrite = false;
};

void declare_extend_options(CLI::App& app, ExtendOptions& options);

}  // namespace ropewalk::cli
