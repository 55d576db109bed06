// Pictures in two widths.
#pragma once

#include <string>

#include "ropewalk/formats/svg_chart.h"
#include "ropewalk/formats/svg_heat_map.h"
#include "ropewalk/report/report.h"

namespace ropewalk {

// `spec` says everything but sizes and the legend's place.
ReportFigure chart_figure(const std::string& name, ChartSpec spec);
ReportFigure heat_map_figure(const std::string& name, HeatMapSpec spec);

// Without its points: of what the record holds under one scaling, and of `task` where it has some.
ChartSeries record_line(const EvalRecord& record,
                        const ScaledResults& results,
                        const std::string& task);

// A logarithmic axis where the values are more than tenfold apart.
bool wants_logarithm(const std::vector<ChartSeries>& series);

}  // namespace ropewalk
