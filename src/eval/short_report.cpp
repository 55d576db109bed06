#include "ropewalk/eval/short_report.h"

#include <algorithm>

#include "eval/text_table.h"
#include "ropewalk/base/text.h"
#include "ropewalk/eval/report.h"
#include "ropewalk/rope/scaling_name.h"

namespace ropewalk {
namespace {

std::string choices_table(const std::vector<ScaledChoices>& choices) {
  std::vector<std::vector<std::string>> rows{
      {"multiple choice", "questions", "accuracy", "by length"}};
  for (const ScaledChoices& row : choices) {
    const std::string scaling = scaling_name(row.kind, row.factor);
    rows.push_back({row.task + ", " + (row.name.empty() ? scaling : row.name + ", " + scaling),
                    format_count(row.result.questions),
                    format_percent(row.result.accuracy()),
                    format_percent(row.result.accuracy_normalized())});
  }
  return text_table(rows);
}

}  // namespace

std::string short_tables(const ShortReport& report) {
  std::string tables;
  if (!report.perplexities.empty()) tables += perplexity_table(report.perplexities);
  if (!report.perplexities.empty() && !report.choices.empty()) tables += "\n";
  if (!report.choices.empty()) tables += choices_table(report.choices);
  return tables;
}

Json short_json(const ShortReport& report) {
  Json perplexities = Json::array();
  if (!report.perplexities.empty()) {
    perplexities = perplexity_json(report.perplexities).at("results");
    for (size_t i = 0; i < report.perplexities.size(); ++i) {
      perplexities[i]["name"] = report.perplexities[i].name;
    }
  }
  Json choices = Json::array();
  for (const ScaledChoices& row : report.choices) {
    choices.push_back({{"name", row.name},
                       {"kind", row.kind},
                       {"factor", row.factor},
                       {"task", row.task},
                       {"questions", row.result.questions},
                       {"accuracy", row.result.accuracy()},
                       {"accuracy_normalized", row.result.accuracy_normalized()},
                       {"longest_tokens", row.result.longest_tokens}});
  }
  return {{"task", "short"}, {"perplexity", perplexities}, {"choices", choices}};
}

}  // namespace ropewalk
