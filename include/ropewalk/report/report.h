// Runs and their evaluations as one HTML page without scripts or links to anything outside it, and
// as pictures of their own. Same bytes for the same input.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/report/eval_record.h"
#include "ropewalk/report/run_record.h"

namespace ropewalk {

struct ReportInput {
  std::vector<RunRecord> runs;
  std::vector<EvalRecord> evaluations;
  Json default_config;  // what a single run's config is compared with
};

// A picture as SVG text.
struct ReportFigure {
  std::string name;    // "loss", "needle-2": of the file, unique in the report
  std::string wide;    // for papers and screens
  std::string narrow;  // the same for a phone, whose text would be too small otherwise
};

struct Report {
  std::string html;
  std::vector<ReportFigure> figures;
};

Report make_report(const ReportInput& input);

}  // namespace ropewalk
