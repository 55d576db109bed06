// `ropewalk inspect`: what a checkpoint, shard or config holds.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kInspectCommand{
    "inspect", "Checkpoints", "Say what a checkpoint, shard or config holds"};

struct InspectOptions {
  std::string path;
  std::optional<int32_t> eos_id;  // of token files that are not ours
  bool families = false;
  bool json = false;
};

void declare_inspect_options(CLI::App& app, InspectOptions& options);

}  // namespace ropewalk::cli
