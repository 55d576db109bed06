// `ropewalk launch`: the ranks of one machine among several.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kLaunchCommand{
    "launch", "Train and evaluate", "Start this machine's ranks of a run on several machines"};

// As typed: what is wrong is told all at once, with what follows `--`.
struct LaunchOptions {
  std::string nnodes = "1";
  std::string node_rank;  // required with several machines
  std::string nproc = "1";
  std::string rendezvous;  // required with several machines
  std::string job_id;
  std::string bind;
  std::string timeout = "600";
  std::string grace = "5";
  std::string max_restarts = "0";
  std::string hang_limit = "10";
  std::vector<std::string> command;
};

void declare_launch_options(CLI::App& app, LaunchOptions& options);

}  // namespace ropewalk::cli
