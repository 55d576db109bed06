// What one evaluation of a run found, as a line of metrics, a line of the console, and files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/eval/perplexity.h"
#include "ropewalk/eval/retrieval_report.h"
#include "ropewalk/eval/short_report.h"

namespace ropewalk {

struct EvaluationResults {
  int64_t step = 0;
  bool own_scaling = true;  // of the perplexities: not under a list of factors
  std::vector<PerplexityResult> perplexities;
  std::vector<std::pair<int64_t, ScaledRetrieval>> passkey;  // by window
  std::vector<ScaledRetrieval> needle, recall;               // one entry, or none
  std::vector<ScaledChoices> choices;
};

// `step` and a number by tag, those of settings/evaluation_tags.h.
Json metrics_line(const EvaluationResults& results);
// The same for people.
std::string console_line(const EvaluationResults& results);
// step-00000100.perplexity.json, .passkey-W.json, .needle.json, .recall.json, .choices.json, in the
// forms that the commands write. A failure to write is told and ends no run.
void write_result_files(const EvaluationResults& results, const std::filesystem::path& folder);

}  // namespace ropewalk
