// Perplexity of evaluations while training, and of `eval perplexity`.
#include <algorithm>
#include <optional>
#include <set>

#include "report/figures.h"
#include "report/sections.h"
#include "report/values.h"
#include "ropewalk/base/distinct.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

std::string factor_text(const std::optional<double>& factor) {
  return factor ? "factor " + format_number(*factor) : "";
}

std::string joined(std::string name, const std::string& more) {
  if (name.empty() || more.empty()) return name + more;
  return name + ", " + more;
}

// "unscaled" and factor 1 are what the scaled lines are compared with.
bool is_baseline(const std::optional<double>& factor) { return factor && *factor == 1.0; }

std::vector<std::optional<double>> factors_of(const RunRecord& run) {
  std::set<std::optional<double>> factors;
  for (const EvaluationRow& row : run.metrics.evaluations) factors.insert(row.factor);
  return {factors.begin(), factors.end()};
}

// The line of the rows that `is_in` takes, at `x_of` each.
template <typename IsIn, typename XOf>
std::vector<ChartPoint> points_of(const RunRecord& run, IsIn is_in, XOf x_of) {
  std::vector<ChartPoint> points;
  for (const EvaluationRow& row : run.metrics.evaluations) {
    if (is_in(row)) points.push_back({static_cast<double>(x_of(row)), row.perplexity});
  }
  std::stable_sort(points.begin(), points.end(), [](const ChartPoint& a, const ChartPoint& b) {
    return a.x < b.x;
  });
  return points;
}

ChartSpec perplexity_spec(const std::string& title, const std::string& subtitle) {
  ChartSpec spec;
  spec.title = title;
  spec.subtitle = subtitle;
  spec.y.label = "perplexity";
  return spec;
}

// One line a window and factor.
ReportFigure steps_figure(const RunRecord& run) {
  ChartSpec spec = perplexity_spec("Perplexity while training", run.name);
  spec.x = {.label = "step", .whole = true};
  std::set<int64_t> windows;
  for (const EvaluationRow& row : run.metrics.evaluations) windows.insert(row.window);
  for (const std::optional<double>& factor : factors_of(run)) {
    for (const int64_t window : windows) {
      ChartSeries series{joined("window " + format_count(window), factor_text(factor)), {}};
      series.dashed = is_baseline(factor);
      series.points = points_of(
          run,
          [&](const EvaluationRow& row) { return row.window == window && row.factor == factor; },
          [](const EvaluationRow& row) { return row.step; });
      if (!series.points.empty()) spec.series.push_back(std::move(series));
    }
  }
  spec.y.logarithmic = wants_logarithm(spec.series);
  return chart_figure("perplexity-steps", std::move(spec));
}

void finish_window_axis(ChartSpec& spec) {
  std::set<double> windows;
  for (const ChartSeries& series : spec.series) {
    for (const ChartPoint& point : series.points) windows.insert(point.x);
  }
  spec.x = {.label = "window", .unit = "tokens", .logarithmic = true};
  spec.x.ticks.assign(windows.begin(), windows.end());
  spec.y.logarithmic = wants_logarithm(spec.series);
}

std::set<int64_t> evaluated_steps(const RunRecord& run) {
  std::set<int64_t> steps;
  for (const EvaluationRow& row : run.metrics.evaluations) steps.insert(row.step);
  return steps;
}

void add_step_lines(const RunRecord& run,
                    const std::set<int64_t>& steps,
                    const std::string& prefix,
                    ChartSpec& spec) {
  for (const std::optional<double>& factor : factors_of(run)) {
    for (const int64_t step : steps) {
      ChartSeries series{joined(joined(prefix, "step " + format_count(step)), factor_text(factor)),
                         {}};
      series.dashed = is_baseline(factor);
      series.family = run.name + ", " + factor_text(factor);
      series.points = points_of(
          run,
          [&](const EvaluationRow& row) { return row.step == step && row.factor == factor; },
          [](const EvaluationRow& row) { return row.window; });
      if (!series.points.empty()) spec.series.push_back(std::move(series));
    }
  }
}

ReportFigure windows_figure(const RunRecord& run) {
  ChartSpec spec = perplexity_spec("Perplexity against window, while training", run.name);
  add_step_lines(run, evaluated_steps(run), "", spec);
  finish_window_axis(spec);
  return chart_figure("perplexity-window", std::move(spec));
}

ReportFigure last_evaluations_figure(const std::vector<RunRecord>& runs) {
  ChartSpec spec =
      perplexity_spec("Perplexity against window, all runs", "last evaluation while training");
  for (const RunRecord& run : runs) {
    if (run.metrics.evaluations.empty()) continue;
    add_step_lines(run, {*evaluated_steps(run).rbegin()}, run.name, spec);
  }
  finish_window_axis(spec);
  return chart_figure("perplexity-window-runs", std::move(spec));
}

// The evaluations by `eval perplexity`, whose numbers compare only within a protocol.
std::vector<std::string> protocols_of(const ReportInput& input) {
  std::vector<std::string> protocols;
  for (const EvalRecord& record : input.evaluations) {
    if (record.form != EvalForm::kPerplexity) continue;
    add_distinct(protocols, record.protocol);
  }
  return protocols;
}

// Calls `visit(record, results)` for each scaling of each record of the protocol.
template <typename Visit>
void for_each_line(const ReportInput& input, const std::string& protocol, Visit visit) {
  for (const EvalRecord& record : input.evaluations) {
    if (record.form != EvalForm::kPerplexity || record.protocol != protocol) continue;
    for (const ScaledResults& results : record.results) {
      visit(record, results);
    }
  }
}

ReportFigure protocol_figure(const ReportInput& input, const std::string& protocol) {
  ChartSpec spec =
      perplexity_spec("Perplexity against window, by eval perplexity", "protocol " + protocol);
  for_each_line(input, protocol, [&](const EvalRecord& record, const ScaledResults& results) {
    ChartSeries series = record_line(record, results, "");
    for (const WindowResult& result : results.windows) {
      series.points.push_back({static_cast<double>(result.window), result.perplexity});
    }
    spec.series.push_back(std::move(series));
  });
  finish_window_axis(spec);
  return chart_figure("perplexity-eval", std::move(spec));
}

std::string with_interval(const WindowResult& result) {
  std::string text = shown_number(result.perplexity);
  if (result.interval) {
    text += " (" + shown_number(result.interval->first) + " to " +
            shown_number(result.interval->second) + ")";
  }
  return text;
}

ReportTable protocol_table(const ReportInput& input, const std::string& protocol) {
  std::set<int64_t> windows;
  bool has_intervals = false;
  for_each_line(input, protocol, [&](const EvalRecord&, const ScaledResults& results) {
    for (const WindowResult& result : results.windows) {
      windows.insert(result.window);
      has_intervals = has_intervals || result.interval;
    }
  });
  ReportTable table;
  table.caption = "Perplexity by eval perplexity, protocol " + protocol +
                  (has_intervals ? "; in brackets 95 % over documents" : "");
  table.header = {"Window [tokens]"};
  for (const int64_t window : windows) table.header.push_back(format_count(window));
  for_each_line(input, protocol, [&](const EvalRecord& record, const ScaledResults& results) {
    table.rows.push_back({record.name + ", " + results.scaling});
    for (const int64_t window : windows) {
      const auto found = std::find_if(results.windows.begin(),
                                      results.windows.end(),
                                      [&](const auto& result) { return result.window == window; });
      table.rows.back().push_back(found == results.windows.end() ? kUnknownValue
                                                                 : with_interval(*found));
    }
  });
  return table;
}

// Of the results whose longest window this is.
ReportFigure position_figure(const ReportInput& input,
                             const std::string& protocol,
                             int64_t window) {
  ChartSpec spec;
  spec.title = "Loss inside a window of " + format_count(window) + " tokens";
  spec.subtitle = "protocol " + protocol;
  spec.x = {.label = "position in the window", .unit = "tokens"};
  spec.y = {.label = "loss", .unit = "nats per token"};
  for_each_line(input, protocol, [&](const EvalRecord& record, const ScaledResults& results) {
    if (results.windows.back().window != window) return;
    ChartSeries series = record_line(record, results, "");
    for (const PositionRange& part : results.windows.back().positions) {
      series.points.push_back({static_cast<double>(part.begin + part.end - 1) / 2.0, part.nll});
    }
    if (!series.points.empty()) spec.series.push_back(std::move(series));
  });
  return chart_figure("loss-by-position", std::move(spec));
}

std::string example_checkpoint(const RunRecord& run) {
  return run.checkpoint.empty() ? "CHECKPOINT" : run.checkpoint.string();
}

std::string perplexity_command(const RunRecord& run) {
  return "ropewalk eval perplexity " + example_checkpoint(run) +
         " --data DIR --windows 2048,8192 --json perplexity.json";
}

}  // namespace

ReportSection evaluation_section(const ReportInput& input) {
  ReportSection section{.id = "perplexity-steps", .title = "Perplexity while training"};
  for (const RunRecord& run : input.runs) {
    if (!run.metrics.evaluations.empty()) section.figures.push_back(steps_figure(run));
  }
  if (section.figures.empty()) {
    section.missing =
        "No run was evaluated while it trained. Name data.validation and eval.windows in the run "
        "config, and start with";
    section.command = "ropewalk train RUN.json --set eval.every_steps=200";
  }
  return section;
}

ReportSection window_section(const ReportInput& input) {
  ReportSection section{.id = "perplexity-window", .title = "Perplexity against window"};
  size_t evaluated = 0;
  for (const RunRecord& run : input.runs) evaluated += run.metrics.evaluations.empty() ? 0 : 1;
  if (evaluated > 1) section.figures.push_back(last_evaluations_figure(input.runs));
  for (const RunRecord& run : input.runs) {
    if (!run.metrics.evaluations.empty()) section.figures.push_back(windows_figure(run));
  }
  const std::vector<std::string> protocols = protocols_of(input);
  for (const std::string& protocol : protocols) {
    section.tables.push_back(protocol_table(input, protocol));
    section.figures.push_back(protocol_figure(input, protocol));
  }
  if (section.figures.empty()) {
    section.missing =
        "There is no evaluation at any window. Evaluate while training, or give the report "
        "(--eval) what this writes:";
    section.command = perplexity_command(input.runs.front());
  }
  return section;
}

ReportSection position_section(const ReportInput& input) {
  ReportSection section{.id = "loss-by-position", .title = "Loss by position"};
  for (const std::string& protocol : protocols_of(input)) {
    std::set<int64_t> longest;
    for_each_line(input, protocol, [&](const EvalRecord&, const ScaledResults& results) {
      if (!results.windows.back().positions.empty()) longest.insert(results.windows.back().window);
    });
    for (const int64_t window : longest) {
      section.figures.push_back(position_figure(input, protocol, window));
    }
  }
  if (section.figures.empty()) {
    section.missing = "There is no loss by position. Give the report (--eval) what this writes:";
    section.command = perplexity_command(input.runs.front());
  }
  return section;
}

}  // namespace ropewalk
