#include "report/curve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ropewalk {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<ChartPoint> line_of(size_t count) {
  std::vector<ChartPoint> points;
  for (size_t i = 0; i < count; ++i) {
    points.push_back({static_cast<double>(i), static_cast<double>(i % 7)});
  }
  return points;
}

TEST(Curve, FewValuesStandForThemselves) {
  const Curve curve = make_curve(line_of(12));
  EXPECT_EQ(curve.values.size(), 12u);
  EXPECT_EQ(curve.averaged, 1u);
  EXPECT_EQ(describe_curves({curve}), "each logged step");
  EXPECT_TRUE(make_curve({}).values.empty());
}

TEST(Curve, ManyValuesAreThinnedAndEverySpikeStays) {
  std::vector<ChartPoint> points = line_of(100000);
  points[777].y = 1000;
  points[99999].y = -1000;
  const Curve curve = make_curve(points);
  EXPECT_EQ(curve.group, 500u);
  EXPECT_LE(curve.values.size(), 400u);
  EXPECT_LE(curve.mean.size(), 200u);
  const auto has = [&](double x, double y) {
    for (const ChartPoint& point : curve.values) {
      if (point.x == x && point.y == y) return true;
    }
    return false;
  };
  EXPECT_TRUE(has(777, 1000));
  EXPECT_TRUE(has(99999, -1000));
  for (size_t i = 1; i < curve.values.size(); ++i) {
    EXPECT_LT(curve.values[i - 1].x, curve.values[i].x);
  }
}

TEST(Curve, TheMeanIsThatOfItsNeighbours) {
  std::vector<ChartPoint> points = line_of(60);
  for (ChartPoint& point : points) point.y = 2.0 * point.x;
  points[30].y = kNan;
  const Curve curve = make_curve(points);
  ASSERT_EQ(curve.averaged, 3u);
  EXPECT_EQ(curve.mean[10].y, 20.0);
  EXPECT_EQ(curve.mean[30].y, 60.0);  // of its two neighbours
  EXPECT_EQ(curve.mean[0].y, 1.0);
  EXPECT_TRUE(std::isnan(curve.values[30].y));
}

TEST(Curve, GroupsWithoutAValueAreGaps) {
  std::vector<ChartPoint> points = line_of(1000);
  for (size_t i = 500; i < 700; ++i) points[i].y = kNan;
  const Curve curve = make_curve(points);
  EXPECT_TRUE(std::any_of(curve.values.begin(), curve.values.end(), [](const ChartPoint& point) {
    return std::isnan(point.y);
  }));
}

TEST(Curve, DescriptionsCoverAllCurvesOfAPicture) {
  EXPECT_EQ(describe_curves({make_curve(line_of(1000)), make_curve(line_of(5000))}),
            "pale: lowest and highest of each 5 to 25 logged steps; line: mean of 51 to 251 logged "
            "steps");
}

}  // namespace
}  // namespace ropewalk
