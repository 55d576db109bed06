// The legend's size and places, before anything is drawn: the plot takes what it leaves.
#pragma once

#include <string>
#include <vector>

#include "formats/svg_canvas.h"
#include "ropewalk/formats/svg_chart.h"

namespace ropewalk {

struct LegendItem {
  size_t series = 0;  // its index in the chart
  SeriesStyle style;
  double x = 0.0, y = 0.0;  // left end, baseline of the first line
  std::vector<std::string> lines;
};

struct Legend {
  std::vector<LegendItem> items;
  double width = 0.0, height = 0.0;
};

// A column; long names are wrapped.
Legend legend_right(const ChartSpec& spec);
// Rows of at most `width_px`, filled from the left.
Legend legend_below(const ChartSpec& spec, double width_px);
// With the legend's upper left corner at (x, y).
void draw_legend(Canvas& canvas, const ChartSpec& spec, const Legend& legend, double x, double y);

}  // namespace ropewalk
