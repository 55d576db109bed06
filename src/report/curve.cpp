#include "report/curve.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr size_t kMostPoints = 400;   // that are drawn one by one
constexpr size_t kGroups = 200;       // of more
constexpr size_t kFewestToMean = 20;  // below, the values themselves are the line
constexpr size_t kMeanShare = 20;     // a mean is over this part of the values
constexpr const char* kSteps = " logged steps";

size_t size_of(size_t index, size_t group, size_t count) { return std::min(group, count - index); }

// The lowest and highest of points[begin, begin + size), in their order.
void add_range(const std::vector<ChartPoint>& points,
               size_t begin,
               size_t size,
               std::vector<ChartPoint>& out) {
  const ChartPoint* lowest = nullptr;
  const ChartPoint* highest = nullptr;
  for (size_t i = begin; i < begin + size; ++i) {
    const ChartPoint& point = points[i];
    if (std::isnan(point.y)) continue;
    if (lowest == nullptr || point.y < lowest->y) lowest = &point;
    if (highest == nullptr || point.y > highest->y) highest = &point;
  }
  if (lowest == nullptr) {
    out.push_back({points[begin].x, std::numeric_limits<double>::quiet_NaN()});
    return;
  }
  out.push_back(*std::min(lowest, highest));
  if (lowest != highest) out.push_back(*std::max(lowest, highest));
}

// Sums over prefixes, so that any mean is one subtraction.
class Means {
 public:
  explicit Means(const std::vector<ChartPoint>& points) {
    for (const ChartPoint& point : points) {
      const bool counts = !std::isnan(point.y);
      sums_.push_back(sums_.back() + (counts ? point.y : 0.0));
      counts_.push_back(counts_.back() + (counts ? 1 : 0));
    }
  }

  // Of the values up to `half` away; NaN where there are none.
  double around(size_t index, size_t half) const {
    const size_t begin = index - std::min(index, half);
    const size_t end = std::min(index + half + 1, counts_.size() - 1);
    const size_t count = counts_[end] - counts_[begin];
    if (count == 0) return std::numeric_limits<double>::quiet_NaN();
    return (sums_[end] - sums_[begin]) / static_cast<double>(count);
  }

 private:
  std::vector<double> sums_ = {0.0};
  std::vector<size_t> counts_ = {0};
};

// "25", or "5 to 25" where the curves differ.
std::string range_of(const std::vector<Curve>& curves, size_t Curve::*member) {
  size_t least = std::numeric_limits<size_t>::max(), most = 0;
  for (const Curve& curve : curves) {
    least = std::min(least, curve.*member);
    most = std::max(most, curve.*member);
  }
  const std::string text = format_count(static_cast<int64_t>(most));
  return least >= most ? text : format_count(static_cast<int64_t>(least)) + " to " + text;
}

}  // namespace

Curve make_curve(const std::vector<ChartPoint>& points) {
  Curve curve;
  const size_t count = points.size();
  if (count > kMostPoints) curve.group = (count + kGroups - 1) / kGroups;
  if (count >= kFewestToMean) curve.averaged = std::max<size_t>(1, count / kMeanShare / 2) * 2 + 1;
  const Means means(points);
  for (size_t begin = 0; begin < count; begin += curve.group) {
    const size_t size = size_of(begin, curve.group, count);
    add_range(points, begin, size, curve.values);
    const size_t middle = begin + size / 2;
    curve.mean.push_back({points[middle].x, means.around(middle, curve.averaged / 2)});
  }
  return curve;
}

std::string describe_curves(const std::vector<Curve>& curves) {
  const std::string groups = range_of(curves, &Curve::group);
  const std::string averaged = range_of(curves, &Curve::averaged);
  const std::string values =
      groups == "1" ? "each logged step" : "lowest and highest of each " + groups + kSteps;
  return averaged == "1" ? values : "pale: " + values + "; line: mean of " + averaged + kSteps;
}

}  // namespace ropewalk
