#include <iostream>

#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/settings/documentation.h"
#include "ropewalk/settings/run_config.h"

namespace ropewalk::cli {

int run_config_validate(const ConfigFileOptions& options) {
  Diagnostics warnings;
  load_run_config(options.run_config, options.set, RunPurpose::kInspect, &warnings);
  for (const Diagnostics::Item& item : warnings.warnings()) {
    std::cout << options.run_config << ": warning: " << item.where << ": " << item.text << "\n";
  }
  std::cout << options.run_config << ": valid\n";
  return kExitDone;
}

int run_config_print(const ConfigFileOptions& options) {
  std::cout << to_json_text(
      resolved_json(load_run_config(options.run_config, options.set, RunPurpose::kInspect)));
  return kExitDone;
}

int run_config_schema(const ConfigTextOptions&) {
  std::cout << to_json_text(ropewalk::run_config_schema());
  return kExitDone;
}

int run_config_reference(const ConfigTextOptions&) {
  std::cout << ropewalk::run_config_reference();
  return kExitDone;
}

}  // namespace ropewalk::cli
