// `ropewalk report`: runs and evaluations as one page.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kReportCommand{
    "report", "Train and evaluate", "Runs and evaluations as one HTML page, and as pictures"};

struct ReportOptions {
  std::vector<std::string> runs;         // run directories
  std::vector<std::string> evaluations;  // [NAME=]FILE.json
  std::string output = "report.html";
  std::string figures;  // folder of pictures; empty: none
};

void declare_report_options(CLI::App& app, ReportOptions& options);

}  // namespace ropewalk::cli
