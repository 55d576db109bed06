// What `extend` decided, and the two texts that say it: the report and the run config.
#pragma once

#include <string>
#include <vector>

#include "cli/options/extend_options.h"
#include "ropewalk/rope/rope_parameters.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk::cli {

struct ExtendPlan {
  HfModel model;          // as found
  RopeParameters before;  // as the weights were trained
  RopeParameters after;
  std::vector<std::string> remarks;
};

// Lines without a final newline.
std::vector<std::string> extension_report(const ExtendPlan& plan);
// A complete run config with comments; `extension_report` stands at its head.
std::string extension_run_config(const ExtendPlan& plan, const ExtendOptions& options);

}  // namespace ropewalk::cli
