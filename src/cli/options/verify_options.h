// `ropewalk verify`: hashes and format rules of what is on disk.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kVerifyCommand{
    "verify", "Checkpoints", "Check hashes and format rules; exit 1 when something is broken"};

struct VerifyOptions {
  std::string path;
};

void declare_verify_options(CLI::App& app, VerifyOptions& options);

}  // namespace ropewalk::cli
