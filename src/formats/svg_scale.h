// One axis of a chart: its range, its ticks, and values to px.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ropewalk/formats/svg_chart.h"

namespace ropewalk {

// Whether the axis has a place for the value: finite, and above 0 where it is logarithmic.
bool can_place(double value, bool logarithmic);

// "16,384", "0.25", "2×10⁻⁵".
std::string tick_text(double value);
// The same beside others on a linear axis, of which `largest` is the largest: "0.0005" beside
// 0.001.
std::string tick_text(double value, double largest);

struct AxisScale {
  double low = 0.0, high = 1.0;  // range of values shown
  bool logarithmic = false;
  std::vector<double> ticks;  // within the range
  double from_px = 0.0, to_px = 1.0;

  // Clamped to the range.
  double place(double value) const;
  std::string text_of(double tick) const;
};

// `values`: those that can be placed. `upper`: nothing above it is shown.
AxisScale make_scale(const ChartAxis& axis,
                     const std::vector<double>& values,
                     int wanted_ticks,
                     std::optional<double> upper);

}  // namespace ropewalk
