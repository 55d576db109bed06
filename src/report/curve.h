// Long series of values as lines that can be drawn: every value while they are few, else the lowest
// and highest of each group, which keeps every spike; and their mean.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/formats/svg_chart.h"

namespace ropewalk {

struct Curve {
  std::vector<ChartPoint> values;  // as they are, or the lowest and highest of each group
  std::vector<ChartPoint> mean;    // over `averaged` values around each point
  size_t group = 1;                // values in a group; 1: every value is there
  size_t averaged = 1;             // odd; 1: the values are too few for a mean
};

// In the order of x. NaN is a gap and counts for nothing.
Curve make_curve(const std::vector<ChartPoint>& points);

// "pale: lowest and highest of each 25 logged steps; line: mean of 51 logged steps", with ranges
// where the curves of a picture differ.
std::string describe_curves(const std::vector<Curve>& curves);

}  // namespace ropewalk
