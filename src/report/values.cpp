#include "report/values.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ropewalk/base/text.h"

namespace ropewalk {

std::string shown_number(double value) {
  if (std::isnan(value)) return kUnknownValue;
  if (std::isinf(value)) return "infinite";
  if (std::abs(value) >= 1e4 && std::abs(value) < 1e15) return format_count(std::llround(value));
  return format_rounded(value);
}

std::string shown_percent(double share) {
  if (!std::isfinite(share)) return kUnknownValue;
  return std::to_string(std::lround(100.0 * share)) + " %";
}

double median_of(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Json value_at(const Json& config, const std::string& path) {
  const Json* at = &config;
  for (const std::string& key : split(path, '.')) {
    if (!at->is_object() || !at->contains(key)) return nullptr;
    at = &(*at)[key];
  }
  return *at;
}

}  // namespace ropewalk
