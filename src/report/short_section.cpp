// What extension costs at short context.
#include <algorithm>
#include <cmath>

#include "report/sections.h"
#include "report/values.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

std::string shown_model(const EvalRecord& record, const ShortModel& model) {
  const std::string name = model.name.empty() ? record.name : record.name + ", " + model.name;
  return name + ", " + model.scaling;
}

// One row a model, one column a window.
ReportTable perplexities(const std::vector<EvalRecord>& records) {
  std::vector<int64_t> windows;
  for (const EvalRecord& record : records) {
    for (const ShortPerplexity& row : record.short_perplexities) windows.push_back(row.window);
  }
  std::sort(windows.begin(), windows.end());
  windows.erase(std::unique(windows.begin(), windows.end()), windows.end());
  ReportTable table{.caption = "Perplexity", .header = {"Model"}, .rows = {}};
  for (const int64_t window : windows) table.header.push_back("window " + format_count(window));
  for (const EvalRecord& record : records) {
    for (const ShortPerplexity& row : record.short_perplexities) {
      const std::string name = shown_model(record, row.model);
      if (table.rows.empty() || table.rows.back().front() != name) {
        table.rows.push_back({name});
        table.rows.back().resize(table.header.size(), kUnknownValue);
      }
      const auto column = std::find(windows.begin(), windows.end(), row.window) - windows.begin();
      table.rows.back()[static_cast<size_t>(column) + 1] = shown_number(row.perplexity);
    }
  }
  return table;
}

ReportTable choices(const std::vector<EvalRecord>& records) {
  ReportTable table{.caption = "Multiple choice",
                    .header = {"Questions", "Model", "Count", "Accuracy", "By length"},
                    .rows = {}};
  for (const EvalRecord& record : records) {
    for (const ShortChoices& row : record.short_choices) {
      table.rows.push_back({row.task,
                            shown_model(record, row.model),
                            format_count(row.questions),
                            format_percent(row.accuracy),
                            format_percent(row.accuracy_normalized)});
    }
  }
  return table;
}

}  // namespace

ReportSection short_section(const ReportInput& input) {
  ReportSection section{.id = "short", .title = "Short context"};
  std::vector<EvalRecord> records;
  for (const EvalRecord& record : input.evaluations) {
    if (record.form == EvalForm::kShort) records.push_back(record);
  }
  if (records.empty()) {
    const std::filesystem::path& checkpoint = input.runs.front().checkpoint;
    section.missing =
        "What extension costs at short context was not measured. Give the report (--eval) what "
        "this "
        "writes:";
    section.command = "ropewalk eval short " +
                      (checkpoint.empty() ? "CHECKPOINT" : checkpoint.string()) +
                      " --base BASE --data DIR --json short.json";
    return section;
  }
  for (ReportTable& table : std::vector<ReportTable>{perplexities(records), choices(records)}) {
    if (!table.rows.empty()) section.tables.push_back(std::move(table));
  }
  return section;
}

}  // namespace ropewalk
