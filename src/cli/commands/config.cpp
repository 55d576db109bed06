#include <iostream>

#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/settings/documentation.h"
#include "ropewalk/settings/run_config.h"
#include "ropewalk/settings/stages.h"

namespace ropewalk::cli {

int run_config_validate(const ConfigFileOptions& options) {
  Diagnostics faults;
  const std::vector<RunStage> stages = read_stages(options.run_config, options.set, faults);
  std::vector<std::string> reports;
  if (!faults.ok()) reports.push_back(faults.report(options.run_config));
  for (const RunStage& stage : stages) {
    Diagnostics found;
    parse_run_config(stage.config, RunPurpose::kInspect, found);
    if (!found.ok()) reports.push_back(found.report(stage.source));
    for (const Diagnostics::Item& item : found.warnings()) {
      std::cout << stage.source << ": warning: " << item.where << ": " << item.text << "\n";
    }
  }
  if (!reports.empty()) throw ConfigError(join(reports, "\n"));
  std::cout << options.run_config << ": valid\n";
  return kExitDone;
}

int run_config_print(const ConfigPrintOptions& options) {
  const ConfigFileOptions& file = options.file;
  if (options.stage == 0) {
    std::cout << to_json_text(
        resolved_json(load_run_config(file.run_config, file.set, RunPurpose::kInspect)));
    return kExitDone;
  }
  Diagnostics faults;
  const std::vector<RunStage> stages = read_stages(file.run_config, file.set, faults);
  if (options.stage > stages.front().of) {
    throw ConfigError("--stage " + std::to_string(options.stage) + ": " + file.run_config +
                      " has " + counted(stages.front().of, "stage"));
  }
  const RunStage& stage = stages[static_cast<size_t>(options.stage) - 1];
  const RunConfig config = parse_run_config(stage.config, RunPurpose::kInspect, faults);
  faults.throw_if_errors<ConfigError>(stage.source);
  std::cout << to_json_text(resolved_json(config));
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
