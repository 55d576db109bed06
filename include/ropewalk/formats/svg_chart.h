// Line charts as SVG text: for docs and evaluations. No dependency, same bytes for the same input.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ropewalk {

struct ChartPoint {
  double x = 0.0;
  double y = 0.0;  // NaN: a gap in the line
};

enum class LineKind {
  kMarked,  // with a marker at each point while they are few
  kPlain,   // without: a mean of many values
  kPale,    // not in the legend, thin, in the colour of the series that follows: its raw values
};

struct ChartSeries {
  std::string name;
  std::vector<ChartPoint> points;  // drawn in this order
  bool dashed = false;             // a baseline or a reference
  LineKind line = LineKind::kMarked;
  // The same of all lines of one thing, such as a model at several steps, in order. Where the chart
  // has more lines than the palette colours, they share one, from light to dark, and of many the
  // legend names some. Empty: a line by itself.
  std::string family = {};
};

struct ChartAxis {
  std::string label;
  std::string unit;  // shown in brackets after the label
  bool logarithmic = false;
  bool whole = false;  // ticks at whole numbers only, such as steps
  // Tick places wanted instead of computed ones, such as the window lengths that were measured.
  std::vector<double> ticks;
  std::optional<double> minimum, maximum;
};

enum class LegendPlace { kRight, kBelow };

struct ChartSpec {
  std::string title;
  std::string subtitle;  // small line below the title
  ChartAxis x;
  ChartAxis y;
  std::vector<ChartSeries> series;
  LegendPlace legend = LegendPlace::kRight;
  // Values above are drawn at the upper border as open triangles and counted in a note.
  std::optional<double> clip_above;
  double width = 860.0;  // px
  double height = 480.0;
  // Of the plot alone; the picture is then as high as all its parts need.
  std::optional<double> plot_height;
};

std::string svg_chart(const ChartSpec& spec);

// 1-2-5 steps (decades and their parts on a logarithmic axis) that cover [low, high].
std::vector<double> nice_ticks(double low, double high, int wanted, bool logarithmic);

}  // namespace ropewalk
