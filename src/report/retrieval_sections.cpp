// Passkey, needle and recall: what `eval` found again, over length and depth.
#include <algorithm>

#include "report/figures.h"
#include "report/sections.h"
#include "report/values.h"
#include "ropewalk/base/distinct.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr double kPercent = 100.0;

bool holds(const ReportInput& input, EvalForm form) {
  return std::any_of(input.evaluations.begin(), input.evaluations.end(), [&](const auto& record) {
    return record.form == form;
  });
}

// One line a record, scaling and task.
ReportFigure found_figure(const ReportInput& input,
                          EvalForm form,
                          const std::string& name,
                          ChartSpec spec) {
  spec.y = {.label = "found", .unit = "%", .minimum = 0.0, .maximum = kPercent};
  for (const EvalRecord& record : input.evaluations) {
    if (record.form != form) continue;
    for (const ScaledResults& results : record.results) {
      std::vector<std::string> tasks;
      for (const RetrievalResult& result : results.retrieval) add_distinct(tasks, result.task);
      for (const std::string& task : tasks) {
        ChartSeries series = record_line(record, results, task);
        for (const RetrievalResult& result : results.retrieval) {
          if (result.task != task) continue;
          series.points.push_back({static_cast<double>(result.length), kPercent * result.found});
        }
        spec.series.push_back(std::move(series));
      }
    }
  }
  return chart_figure(name, std::move(spec));
}

// How far back the key is found, as `eval passkey` counts it.
ReportTable k_max_table(const ReportInput& input) {
  ReportTable table;
  table.header = {"Evaluation", "k_max [tokens]"};
  for (const EvalRecord& record : input.evaluations) {
    if (record.form != EvalForm::kPasskey) continue;
    for (const ScaledResults& results : record.results) {
      table.rows.push_back({record.name + ", " + results.scaling,
                            results.k_max ? format_count(*results.k_max) : kUnknownValue});
    }
  }
  return table;
}

// A map for each scaling, over the lengths and depths of all of them.
ReportFigure needle_figure(const EvalRecord& record) {
  std::vector<int64_t> lengths;
  std::vector<double> depths;
  for (const ScaledResults& results : record.results) {
    for (const RetrievalResult& result : results.retrieval) {
      add_distinct(lengths, result.length);
      add_distinct(depths, result.depth);
    }
  }
  std::sort(lengths.begin(), lengths.end());
  std::sort(depths.begin(), depths.end());
  HeatMapSpec spec{.title = "Needle in a haystack, found in percent", .subtitle = record.name};
  spec.x_label = "length [tokens]";
  spec.y_label = "depth [%]";
  for (const int64_t length : lengths) spec.x_values.push_back(format_count(length));
  for (const double depth : depths) spec.y_values.push_back(format_number(kPercent * depth));
  for (const ScaledResults& results : record.results) {
    HeatMap map;
    map.title = results.scaling;
    map.rows.assign(depths.size(), std::vector<std::optional<double>>(lengths.size()));
    for (const RetrievalResult& result : results.retrieval) {
      const auto row = std::find(depths.begin(), depths.end(), result.depth) - depths.begin();
      const auto column =
          std::find(lengths.begin(), lengths.end(), result.length) - lengths.begin();
      map.rows[static_cast<size_t>(row)][static_cast<size_t>(column)] = result.found;
    }
    spec.maps.push_back(std::move(map));
  }
  return heat_map_figure("needle", std::move(spec));
}

void say_missing(const ReportInput& input,
                 const std::string& task,
                 const std::string& lengths,
                 ReportSection& section) {
  const std::filesystem::path& checkpoint = input.runs.front().checkpoint;
  section.missing =
      "There is no result of " + task + ". Give the report (--eval) what this writes:";
  section.command = "ropewalk eval " + task + " " +
                    (checkpoint.empty() ? "CHECKPOINT" : checkpoint.string()) + " " + lengths +
                    " --json " + task + ".json";
}

}  // namespace

ReportSection passkey_section(const ReportInput& input) {
  ReportSection section{.id = "passkey", .title = "Passkey retrieval"};
  if (!holds(input, EvalForm::kPasskey)) {
    say_missing(input, "passkey", "--window 8192", section);
    return section;
  }
  ChartSpec spec;
  spec.title = "Passkey retrieval";
  spec.x = {.label = "distance of the key", .unit = "tokens"};
  section.tables = {k_max_table(input)};
  section.figures = {found_figure(input, EvalForm::kPasskey, "passkey", std::move(spec))};
  return section;
}

ReportSection needle_section(const ReportInput& input) {
  ReportSection section{.id = "needle", .title = "Needle in a haystack"};
  if (!holds(input, EvalForm::kNeedle)) {
    say_missing(input, "needle", "--lengths 2048,8192", section);
    return section;
  }
  for (const EvalRecord& record : input.evaluations) {
    if (record.form == EvalForm::kNeedle) section.figures.push_back(needle_figure(record));
  }
  return section;
}

ReportSection recall_section(const ReportInput& input) {
  ReportSection section{.id = "recall", .title = "Recall of several keys"};
  if (!holds(input, EvalForm::kRecall)) {
    say_missing(input, "recall", "--lengths 2048,8192", section);
    return section;
  }
  ChartSpec spec;
  spec.title = "Recall";
  spec.x = {.label = "length", .unit = "tokens", .logarithmic = true};
  for (const EvalRecord& record : input.evaluations) {
    if (record.form != EvalForm::kRecall) continue;
    for (const RetrievalResult& result : record.results.front().retrieval) {
      add_distinct(spec.x.ticks, static_cast<double>(result.length));
    }
  }
  section.figures = {found_figure(input, EvalForm::kRecall, "recall", std::move(spec))};
  return section;
}

}  // namespace ropewalk
