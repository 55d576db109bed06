// Results of retrieval tasks as tables for people, JSON for programs, and pictures.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/eval/retrieval.h"

namespace ropewalk {

// What came out under one scaling.
struct ScaledRetrieval {
  std::string kind;   // "default", "linear", ...
  double factor = 1;  // total factor in force, 1 if none
  RetrievalOutcome outcome;
};

// {"task": "passkey", "results": [{kind, factor, k_max, scores: [{distance, trials, successes,
// prompt_tokens}]}]}.
Json passkey_json(const std::vector<ScaledRetrieval>& results);
// {"task": "needle", "results": [{kind, factor, scores: [{length, depth, trials, successes,
// prompt_tokens}]}]}.
Json needle_json(const std::vector<ScaledRetrieval>& results);
// {"task": "recall", "results": [{kind, factor, scores: [{task, length, trials, successes,
// prompt_tokens}]}]}.
Json recall_json(const std::vector<ScaledRetrieval>& results);

// One row a distance, one column a scaling, and k_max below.
std::string passkey_table(const std::vector<ScaledRetrieval>& results);
// A table for each scaling: one row a depth, one column a length.
std::string needle_table(const std::vector<ScaledRetrieval>& results);
// One row a scaling and task, one column a length.
std::string recall_table(const std::vector<ScaledRetrieval>& results);

// Successes over the length, one line a scaling (and task), as SVG. `subtitle` says of what.
std::string retrieval_chart(const std::vector<ScaledRetrieval>& results,
                            const std::string& subtitle);

// Successes over length and depth, one map a scaling.
std::string needle_heat_maps(const std::vector<ScaledRetrieval>& results,
                             const std::string& subtitle);

// One line of JSON a trial: {kind, factor, task, length, depth, prompt, answer, reply}.
std::string trials_jsonl(const std::vector<RetrievalCell>& cells,
                         const std::vector<ScaledRetrieval>& results);

}  // namespace ropewalk
