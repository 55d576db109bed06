// `ropewalk prepare`: text to token shards.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kPrepareCommand{
    "prepare", "Prepare", "Turn text and JSONL files into token shards"};

struct PrepareOptions {
  std::vector<std::string> inputs;
  std::string tokenizer;
  std::string output;
  std::string field = "text";
  bool overwrite = false;
};

void declare_prepare_options(CLI::App& app, PrepareOptions& options);

}  // namespace ropewalk::cli
