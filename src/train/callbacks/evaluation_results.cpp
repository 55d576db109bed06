#include "train/callbacks/evaluation_results.h"

#include <functional>
#include <map>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"
#include "ropewalk/checkpoint/discovery.h"
#include "ropewalk/eval/report.h"
#include "ropewalk/settings/evaluation_tags.h"

namespace ropewalk {
namespace {

// In the order measured; console shows them without the prefix.
using Tagged = std::vector<std::pair<std::string, double>>;

double share_found(const std::vector<RetrievalScore>& scores) {
  double successes = 0;
  double trials = 0;
  for (const RetrievalScore& score : scores) {
    successes += static_cast<double>(score.successes);
    trials += static_cast<double>(score.trials);
  }
  return successes / trials;
}

using TagOf = std::function<std::string(const std::string& task, int64_t length)>;

// Over all depths of a length.
void add_by_length(const std::vector<ScaledRetrieval>& results,
                   const TagOf& tag_of,
                   Tagged& tagged) {
  for (const ScaledRetrieval& result : results) {
    std::map<std::pair<std::string, int64_t>, std::vector<RetrievalScore>> groups;
    for (const RetrievalScore& score : result.outcome.scores) {
      groups[{score.task, score.length}].push_back(score);
    }
    for (const auto& [place, scores] : groups) {
      tagged.emplace_back(tag_of(place.first, place.second), share_found(scores));
    }
  }
}

Tagged tagged_numbers(const EvaluationResults& results) {
  Tagged tagged;
  for (const PerplexityResult& result : results.perplexities) {
    tagged.emplace_back(results.own_scaling ? perplexity_tag(result.window)
                                            : perplexity_tag(result.window, result.factor),
                        result.perplexity);
  }
  for (const auto& [window, result] : results.passkey) {
    tagged.emplace_back(passkey_tag(window), passkey_k_max(result.outcome.scores));
    tagged.emplace_back(passkey_found_tag(window), share_found(result.outcome.scores));
  }
  add_by_length(
      results.needle,
      [](const std::string&, int64_t length) { return needle_tag(length); },
      tagged);
  add_by_length(results.recall, recall_tag, tagged);
  for (const ScaledChoices& row : results.choices) {
    tagged.emplace_back(choices_tag(row.task), row.result.accuracy());
    tagged.emplace_back(choices_by_length_tag(row.task), row.result.accuracy_normalized());
  }
  return tagged;
}

}  // namespace

Json metrics_line(const EvaluationResults& results) {
  Json line = {{"step", results.step}};
  for (const auto& [tag, value] : tagged_numbers(results)) line[kEvaluationPrefix + tag] = value;
  return line;
}

std::string console_line(const EvaluationResults& results) {
  std::string text = "eval at step " + std::to_string(results.step) + ":";
  for (const auto& [tag, value] : tagged_numbers(results)) {
    text += "  " + tag + " " + format_rounded(value);
  }
  return text;
}

void write_result_files(const EvaluationResults& results, const std::filesystem::path& folder) {
  const auto write = [&](const std::string& kind, const Json& json) {
    write_file_atomic(folder / (checkpoint_name(results.step) + "." + kind + ".json"),
                      to_json_text(json));
  };
  try {
    make_directories(folder);
    if (!results.perplexities.empty()) write("perplexity", perplexity_json(results.perplexities));
    for (const auto& [window, result] : results.passkey) {
      write("passkey-" + std::to_string(window), passkey_json({result}));
    }
    if (!results.needle.empty()) write("needle", needle_json(results.needle));
    if (!results.recall.empty()) write("recall", recall_json(results.recall));
    if (!results.choices.empty()) write("choices", short_json({{}, results.choices}));
  } catch (const IoError& error) {
    log_warn(std::string(error.what()) + "; the run goes on without this evaluation's files");
  }
}

}  // namespace ropewalk
