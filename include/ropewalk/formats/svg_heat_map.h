// Heat maps as SVG text: shares between 0 and 1 over two lists of values. Same bytes for the same
// input.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ropewalk {

struct HeatMap {
  std::string title;                                     // small, above its grid
  std::vector<std::vector<std::optional<double>>> rows;  // [y][x], 0 to 1; empty: not measured
};

// Grids below each other over the same axes.
struct HeatMapSpec {
  std::string title;
  std::string subtitle;
  std::string x_label, y_label;
  std::vector<std::string> x_values, y_values;
  std::vector<HeatMap> maps;
  double width = 860.0;  // px
};

// Light is 0, dark is 1. Every cell says its share in percent; where cells are too narrow for that,
// a scale of the colours does.
std::string svg_heat_maps(const HeatMapSpec& spec);

}  // namespace ropewalk
