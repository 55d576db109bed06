// The table of every command, in the order of the help.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/options/config_options.h"
#include "cli/options/extend_options.h"
#include "cli/options/inspect_options.h"
#include "cli/options/plan_options.h"
#include "cli/options/prepare_options.h"
#include "cli/options/report_options.h"
#include "cli/options/rope_options.h"
#include "cli/options/tokenize_options.h"
#include "cli/options/verify_options.h"

namespace ropewalk::cli {

int run_extend(const ExtendOptions& options);
int run_plan(const PlanOptions& options);
int run_prepare(const PrepareOptions& options);
int run_tokenize(const TokenizeOptions& options);
int run_inspect(const InspectOptions& options);
int run_report(const ReportOptions& options);
int run_rope(const RopeOptions& options);
int run_verify(const VerifyOptions& options);
int run_config_validate(const ConfigFileOptions& options);
int run_config_print(const ConfigPrintOptions& options);
int run_config_schema(const ConfigTextOptions& options);
int run_config_reference(const ConfigTextOptions& options);

// `command_line`: main's arguments, for the commands that the engine runs.
std::vector<Command> front_commands(const std::vector<std::string>& command_line);

}  // namespace ropewalk::cli
