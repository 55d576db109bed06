// `ropewalk config ...`: the run config's own commands.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kConfigValidateCommand{
    "config validate", "Configuration", "Check a run config and report every fault"};
inline constexpr CommandInfo kConfigPrintCommand{
    "config print", "Configuration", "Print a run config with every default filled in"};
inline constexpr CommandInfo kConfigSchemaCommand{
    "config schema", "Configuration", "Print the JSON Schema of run configs, for editors"};
inline constexpr CommandInfo kConfigReferenceCommand{
    "config reference", "Configuration", "Print the reference of every setting (Markdown)"};

struct ConfigFileOptions {
  std::string run_config;
  std::vector<std::string> set;
};
struct ConfigPrintOptions {
  ConfigFileOptions file;
  int64_t stage = 0;  // 0: the config has none
};
struct ConfigTextOptions {};

void declare_config_file_options(CLI::App& app, ConfigFileOptions& options);
void declare_config_print_options(CLI::App& app, ConfigPrintOptions& options);
void declare_config_text_options(CLI::App& app, ConfigTextOptions& options);

}  // namespace ropewalk::cli
