// Curves over the steps of training.
#include <algorithm>
#include <cmath>
#include <functional>

#include "report/curve.h"
#include "report/figures.h"
#include "report/sections.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr double kMebibyte = 1024.0 * 1024.0;
constexpr double kGibibyte = 1024.0 * kMebibyte;
constexpr const char* kNoSteps =
    "No step was logged yet: the run has just begun, or log.every_steps is 0.";

enum class Smoothing { kMean, kNone };

Curve curve_of(const RunRecord& run, double TrainingRow::*member, double unit) {
  std::vector<ChartPoint> points;
  for (const TrainingRow& row : run.metrics.training) {
    points.push_back({static_cast<double>(row.step), row.*member / unit});
  }
  return make_curve(points);
}

struct CurveChart {
  double TrainingRow::*member;
  double unit = 1.0;  // of the axis, in those of the member
  Smoothing smoothing = Smoothing::kMean;
};

// `spec` has titles and the y axis.
ReportFigure curve_figure(const ReportInput& input,
                          const std::string& name,
                          const CurveChart& chart,
                          ChartSpec spec) {
  std::vector<Curve> curves;
  for (const RunRecord& run : input.runs) {
    curves.push_back(curve_of(run, chart.member, chart.unit));
    const Curve& curve = curves.back();
    if (chart.smoothing == Smoothing::kNone) {
      spec.series.push_back({run.name, curve.values, false, LineKind::kPlain});
    } else if (curve.averaged == 1) {
      spec.series.push_back({run.name, curve.values, false, LineKind::kMarked});
    } else {
      spec.series.push_back({run.name, curve.values, false, LineKind::kPale});
      spec.series.push_back({run.name, curve.mean, false, LineKind::kPlain});
    }
  }
  if (chart.smoothing == Smoothing::kMean) spec.subtitle = describe_curves(curves);
  spec.x = {.label = "step", .whole = true};
  return chart_figure(name, std::move(spec));
}

bool has_steps(const ReportInput& input) {
  return std::any_of(input.runs.begin(), input.runs.end(), [](const RunRecord& run) {
    return !run.metrics.training.empty();
  });
}

std::string bad_steps_of(const RunRecord& run) {
  const std::vector<TrainingRow>& rows = run.metrics.training;
  const auto no_loss = std::count_if(
      rows.begin(), rows.end(), [](const TrainingRow& row) { return std::isnan(row.loss); });
  const auto skipped =
      std::count_if(rows.begin(), rows.end(), [](const TrainingRow& row) { return row.skipped; });
  if (no_loss == 0 && skipped == 0) return "";
  return run.name + ": " + counted(skipped, "logged step") + " without an update; " +
         counted(no_loss, "logged step") + " without a finite loss, which " +
         (no_loss == 1 ? "is a gap" : "are gaps") + " in the line. See bad_steps.jsonl.";
}

}  // namespace

ReportSection loss_section(const ReportInput& input) {
  ReportSection section{.id = "loss", .title = "Loss and learning rate"};
  if (!has_steps(input)) {
    section.missing = kNoSteps;
    return section;
  }
  for (const RunRecord& run : input.runs) {
    if (const std::string text = bad_steps_of(run); !text.empty()) section.remarks.push_back(text);
  }
  section.figures = {
      curve_figure(input,
                   "loss",
                   {.member = &TrainingRow::loss},
                   {.title = "Training loss", .y = {.label = "loss", .unit = "nats per token"}}),
      curve_figure(input,
                   "learning-rate",
                   {.member = &TrainingRow::learning_rate, .smoothing = Smoothing::kNone},
                   {.title = "Learning rate", .y = {.label = "learning rate", .minimum = 0.0}})};
  return section;
}

ReportSection throughput_section(const ReportInput& input) {
  ReportSection section{.id = "throughput", .title = "Throughput"};
  if (!has_steps(input)) {
    section.missing = kNoSteps;
    return section;
  }
  section.figures = {
      curve_figure(input,
                   "throughput",
                   {.member = &TrainingRow::tokens_per_second},
                   {.title = "Throughput of all ranks",
                    .y = {.label = "target tokens", .unit = "tokens/s", .minimum = 0.0}})};
  return section;
}

ReportSection memory_section(const ReportInput& input) {
  ReportSection section{.id = "memory", .title = "Memory"};
  if (!has_steps(input)) {
    section.missing = kNoSteps;
    return section;
  }
  double peak = 0.0;
  for (const RunRecord& run : input.runs) {
    for (const TrainingRow& row : run.metrics.training) peak = std::fmax(peak, row.memory_bytes);
  }
  const bool is_large = peak >= kGibibyte;
  section.figures = {curve_figure(
      input,
      "memory",
      {.member = &TrainingRow::memory_bytes,
       .unit = is_large ? kGibibyte : kMebibyte,
       .smoothing = Smoothing::kNone},
      {.title = "Peak memory of rank 0",
       .subtitle = "resident set on a CPU, allocator on a GPU",
       .y = {.label = "peak so far", .unit = is_large ? "GiB" : "MiB", .minimum = 0.0}})};
  return section;
}

}  // namespace ropewalk
