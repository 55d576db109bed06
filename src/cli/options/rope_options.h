// `ropewalk rope`: what the positions of a model mean.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kRopeCommand{
    "rope", "Checkpoints", "Say what positions mean: kind, lengths, wavelengths"};

struct RopeOptions {
  std::string path;  // a checkpoint, its config.json or a run config
  bool json = false;
  std::string plot;  // SVG file; empty: none
};

void declare_rope_options(CLI::App& app, RopeOptions& options);

}  // namespace ropewalk::cli
