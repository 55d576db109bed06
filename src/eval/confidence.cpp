#include "ropewalk/eval/confidence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "ropewalk/base/errors.h"

namespace ropewalk {

double student_t_975(int degrees_of_freedom) {
  ROPEWALK_CHECK(degrees_of_freedom >= 1, "Student's t has at least one degree of freedom");
  constexpr double kProbability = 0.975;
  if (degrees_of_freedom == 1) return std::tan(std::numbers::pi * (kProbability - 0.5));
  if (degrees_of_freedom == 2) {
    const double a = 4 * kProbability * (1 - kProbability);
    return 2 * (kProbability - 0.5) * std::sqrt(2 / a);
  }
  // Abramowitz and Stegun, 26.7.5: off by 0.1 % at 3 degrees, less beyond.
  const double z = 1.959963984540054;
  const double z2 = z * z;
  const double v = degrees_of_freedom;
  const double g1 = z * (z2 + 1) / 4;
  const double g2 = z * ((5 * z2 + 16) * z2 + 3) / 96;
  const double g3 = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
  const double g4 = z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
  return z + (g1 + (g2 + (g3 + g4 / v) / v) / v) / v;
}

std::optional<Interval> confidence_interval(const std::vector<WeightedSum>& documents) {
  WeightedSum all;
  int64_t count = 0;
  for (const WeightedSum& document : documents) {
    all.sum += document.sum;
    all.weight += document.weight;
    if (document.weight > 0) ++count;
  }
  if (count < 2) return std::nullopt;
  const double mean = all.sum / all.weight;
  double squares = 0;
  for (const WeightedSum& document : documents) {
    const double residual = document.sum - mean * document.weight;
    squares += residual * residual;
  }
  const auto n = static_cast<double>(count);
  const double error = std::sqrt(squares * n / (n - 1)) / all.weight;
  const int64_t most = std::numeric_limits<int>::max();
  const double half = student_t_975(static_cast<int>(std::min(count - 1, most))) * error;
  return Interval{mean - half, mean + half};
}

}  // namespace ropewalk
