// `ropewalk plan`: memory and time of a run before it is launched.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kPlanCommand{
    "plan", "Prepare", "Predict memory and time of a run, and what makes it fit"};

struct PlanOptions {
  std::string run_config;
  std::vector<std::string> set;
  std::optional<int64_t> gpus;
  std::optional<std::string> memory;
  std::optional<std::string> hardware;
  bool json = false;
};

void declare_plan_options(CLI::App& app, PlanOptions& options);

}  // namespace ropewalk::cli
