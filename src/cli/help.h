// The texts of `--help` and the hints after a usage error.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ropewalk::cli {

// All commands, grouped, one line each.
std::string overview(const std::vector<CommandInfo>& infos);

// "ropewalk eval perplexity": the words that lead to `app`.
std::string full_name(const CLI::App& app);

// Lays out one command's options in two columns within 100 characters.
std::shared_ptr<CLI::FormatterBase> make_help_formatter();

// The command nearest to the words typed, for "Did you mean".
std::optional<std::string> nearest_command(const std::vector<std::string>& words,
                                           const std::vector<CommandInfo>& infos);

// The option of `app` nearest to the first word typed that looks like an option but is none.
std::optional<std::string> nearest_option(const std::vector<std::string>& words,
                                          const CLI::App& app);

}  // namespace ropewalk::cli
