// What a run directory tells about its run, read without its weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "ropewalk/rope/identity.h"

namespace ropewalk {

// One line of training in metrics.jsonl. What a line lacks or has as null is NaN.
struct TrainingRow {
  int64_t step = 0;
  double loss = 0;  // nats per target token
  double learning_rate = 0;
  double tokens = 0;             // target tokens since step 0
  double tokens_per_second = 0;  // of all ranks
  double mfu = 0;                // 0 to 1
  double memory_bytes = 0;       // peak of rank 0
  bool skipped = false;          // a bad step, whose update was left out
};

// One number of an evaluation while training.
struct EvaluationRow {
  int64_t step = 0;
  int64_t window = 0;            // tokens
  std::optional<double> factor;  // unset: the model's own scaling
  double perplexity = 0;         // infinite where the line has null
};

struct RunMetrics {
  std::vector<TrainingRow> training;       // in the file's order
  std::vector<EvaluationRow> evaluations;  // the same
  bool torn = false;                       // half a line at the end was passed over
};

// `name`: of the file, in faults; each is listed with its line. Half a line at the end is none: the
// run was killed, or writes it just now.
RunMetrics parse_metrics(std::string_view text, const std::string& name, Diagnostics& faults);

struct RunRecord {
  std::string name;                       // as shown; see name_runs
  std::filesystem::path folder;           // as given
  Json config;                            // config.json, an object
  std::filesystem::path checkpoint;       // the newest; empty: none
  std::optional<RopeIdentity> positions;  // of the newest checkpoint that tells
  RunMetrics metrics;
};

// What is wrong with the folder goes to `faults`, all of it at once.
RunRecord read_run(const std::filesystem::path& folder, Diagnostics& faults);

// The last part of each folder's path, and as many parts before it as tell the runs apart.
void name_runs(std::vector<RunRecord>& runs);

}  // namespace ropewalk
