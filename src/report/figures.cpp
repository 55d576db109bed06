#include "report/figures.h"

#include <cmath>

namespace ropewalk {
namespace {

constexpr double kWide_px = 860.0;
constexpr double kNarrow_px = 390.0;  // a phone's page
constexpr double kWidePlot_px = 320.0;
constexpr double kNarrowPlot_px = 230.0;
constexpr double kTenfold = 10.0;

}  // namespace

ReportFigure chart_figure(const std::string& name, ChartSpec spec) {
  ReportFigure figure{.name = name, .wide = "", .narrow = ""};
  spec.legend = LegendPlace::kBelow;
  spec.width = kWide_px;
  spec.plot_height = kWidePlot_px;
  figure.wide = svg_chart(spec);
  spec.width = kNarrow_px;
  spec.plot_height = kNarrowPlot_px;
  figure.narrow = svg_chart(spec);
  return figure;
}

ReportFigure heat_map_figure(const std::string& name, HeatMapSpec spec) {
  ReportFigure figure{.name = name, .wide = "", .narrow = ""};
  spec.width = kWide_px;
  figure.wide = svg_heat_maps(spec);
  spec.width = kNarrow_px;
  figure.narrow = svg_heat_maps(spec);
  return figure;
}

ChartSeries record_line(const EvalRecord& record,
                        const ScaledResults& results,
                        const std::string& task) {
  const std::string measured = ", " + results.scaling + (task.empty() ? "" : ", " + task);
  ChartSeries series{.name = record.name + measured, .points = {}, .dashed = !results.is_scaled};
  if (!record.family.empty()) series.family = record.family + measured;
  return series;
}

bool wants_logarithm(const std::vector<ChartSeries>& series) {
  double low = INFINITY, high = 0.0;
  for (const ChartSeries& one : series) {
    for (const ChartPoint& point : one.points) {
      if (!std::isfinite(point.y) || point.y <= 0.0) continue;
      low = std::min(low, point.y);
      high = std::max(high, point.y);
    }
  }
  return high > kTenfold * low;
}

}  // namespace ropewalk
