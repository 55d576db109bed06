// `ropewalk tokenize`: text to ids and back, line by line.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kTokenizeCommand{
    "tokenize", "Prepare", "Print the token ids of text, or the text of ids"};

struct TokenizeOptions {
  std::string checkpoint;
  std::string file;  // empty: standard input
  bool decode = false;
  bool count = false;
  bool special = false;
};

void declare_tokenize_options(CLI::App& app, TokenizeOptions& options);

}  // namespace ropewalk::cli
