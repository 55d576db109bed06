// What the numbers of a run's evaluations are called in metrics.jsonl, TensorBoard and gates.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/settings/evaluation_tasks.h"

namespace ropewalk {

// Heads every tag in metrics.jsonl.
inline constexpr const char* kEvaluationPrefix = "eval/";

// "perplexity@8192", under the model's own scaling or under one of eval.factors.
std::string perplexity_tag(int64_t window);
std::string perplexity_tag(int64_t window, double factor);        // "perplexity@8192/factor_4"
std::string passkey_tag(int64_t window);                          // k_max
std::string passkey_found_tag(int64_t window);                    // share of all trials
std::string needle_tag(int64_t length);                           // share found
std::string recall_tag(const std::string& task, int64_t length);  // share found
std::string choices_tag(const std::string& file);                 // accuracy
std::string choices_by_length_tag(const std::string& file);       // length-normalized accuracy

// All that an evaluation with this section and these tasks writes. `config.windows` as they are in
// force.
std::vector<std::string> evaluation_tags(const EvalConfig& config,
                                         bool has_validation,
                                         const EvaluationTasks& tasks);

// The line of metrics.jsonl of the evaluation at `step`; of several the last. Nothing where the
// file or the line is missing.
std::optional<Json> find_evaluation(const std::filesystem::path& metrics_file, int64_t step);

}  // namespace ropewalk
