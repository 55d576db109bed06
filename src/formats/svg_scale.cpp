#include "formats/svg_scale.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr double kTolerance = 1e-9;  // relative: ticks are sums of rounded steps
// Share of the axis left free at both ends where ticks are given, so that markers clear the frame.
constexpr double kEndMargin = 0.04;
constexpr double kSmallestPlain = 1e-3;  // below, numbers are written with a power of ten

// Multiples of a 1-2-5 step that cover [low, high].
std::vector<double> linear_ticks(double low, double high, int wanted) {
  const double rough = (high - low) / std::max(1, wanted);
  const double decade = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10.0 * decade;
  for (const double part : {1.0, 2.0, 5.0}) {
    if (part * decade >= rough * (1.0 - kTolerance)) {
      step = part * decade;
      break;
    }
  }
  std::vector<double> ticks;
  const double first = std::floor(low / step + kTolerance),
               last = std::ceil(high / step - kTolerance);
  for (double i = first; i <= last; ++i) ticks.push_back(i == 0.0 ? 0.0 : i * step);
  return ticks;
}

// Decades, or some of their parts when there are few of them, that cover [low, high].
std::vector<double> log_ticks(double low, double high, int wanted) {
  // Within a small ratio equal steps read better than parts of decades. The first is above 0, since
  // a step is smaller than `low` here.
  if (high / low < 4.0) return linear_ticks(low, high, std::max(wanted, 4));
  const double first = std::floor(std::log10(low) + kTolerance);
  const double last = std::ceil(std::log10(high) - kTolerance);
  const double decades = std::log10(high / low);
  std::vector<double> parts = {1.0};
  if (decades * 3.0 <= wanted * 1.5) parts = {1.0, 2.0, 5.0};
  if (decades * 4.0 <= wanted) parts = {1.0, 2.0, 3.0, 5.0};
  const double stride = std::max(1.0, std::ceil((last - first) / (1.5 * wanted)));
  std::vector<double> all;
  for (double exponent = first; exponent <= last + stride - 1.0; exponent += stride) {
    for (const double part : parts) all.push_back(part * std::pow(10.0, exponent));
  }
  // From the last one at or below `low` to the first one at or above `high`.
  std::vector<double> ticks;
  for (size_t i = 0; i < all.size(); ++i) {
    const bool next_is_low = i + 1 < all.size() && all[i + 1] <= low * (1.0 + kTolerance);
    const bool last_was_high = i > 0 && all[i - 1] >= high * (1.0 - kTolerance);
    if (!next_is_low && !last_was_high) ticks.push_back(all[i]);
  }
  return ticks;
}

// "0.0005"
std::string plain_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f", value);
  std::string trimmed = text;
  trimmed.erase(trimmed.find_last_not_of('0') + 1);
  return trimmed;
}

std::string superscript(int exponent) {
  static constexpr std::array<const char*, 10> kDigits = {
      "⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = exponent < 0 ? "⁻" : "";
  for (const char digit : std::to_string(std::abs(exponent))) text += kDigits[digit - '0'];
  return text;
}

// A lone value, or values that only rounding tells apart, get room on both sides, as far as numbers
// go.
void widen_if_equal(double& low, double& high, bool logarithmic) {
  constexpr double kLargest = std::numeric_limits<double>::max();
  constexpr double kSmallest = 1e-300;
  const double size = std::max(std::abs(low), std::abs(high));
  if (high - low > std::max(size * 1e-12, kSmallest)) return;
  if (logarithmic) {
    low = std::max(low / 2.0, kSmallest);
    high = high > kLargest / 2.0 ? kLargest : std::max(high * 2.0, 10.0 * kSmallest);
  } else {
    const double room = size < kSmallest ? 1.0 : size * 0.1;
    low = std::max(low - room, -kLargest);
    high = std::min(high + room, kLargest);
  }
}

void add_margin(double& low, double& high, bool logarithmic) {
  if (logarithmic) {
    const double margin = std::pow(high / low, kEndMargin);
    low /= margin;
    high *= margin;
  } else {
    const double margin = (high - low) * kEndMargin;
    low -= margin;
    high += margin;
  }
}

}  // namespace

bool can_place(double value, bool logarithmic) {
  return std::isfinite(value) && (!logarithmic || value > 0.0);
}

std::vector<double> nice_ticks(double low, double high, int wanted, bool logarithmic) {
  if (!can_place(low, logarithmic) || !can_place(high, logarithmic) || high < low) return {};
  widen_if_equal(low, high, logarithmic);
  // Too far apart for steps or decades to be computed.
  if (!std::isfinite(logarithmic ? high / low : high - low)) return {low, high};
  return logarithmic ? log_ticks(low, high, wanted) : linear_ticks(low, high, wanted);
}

std::string tick_text(double value) { return tick_text(value, std::abs(value)); }

std::string tick_text(double value, double largest) {
  const double size = std::abs(value);
  if (value == 0.0) return "0";
  if (size >= 1e7 || largest < kSmallestPlain) {
    int exponent = static_cast<int>(std::floor(std::log10(size)));
    double part = std::round(value / std::pow(10.0, exponent) * 1e6) / 1e6;
    if (std::abs(part) >= 10.0) part /= 10.0, ++exponent;
    const std::string power = "10" + superscript(exponent);
    if (part == 1.0) return power;
    return format_number(part) + "×" + power;
  }
  const double rounded = std::round(value * 1e6) / 1e6;  // sums of steps such as 0.1
  if (rounded == std::round(rounded)) return format_count(static_cast<int64_t>(rounded));
  if (size < kSmallestPlain) return plain_text(rounded);
  return format_number(rounded);
}

double AxisScale::place(double value) const {
  const double clamped = std::clamp(value, low, high);
  // Halves: the span of two large values of opposite sign would overflow.
  const double share = logarithmic
                           ? (std::log(clamped) - std::log(low)) / (std::log(high) - std::log(low))
                           : (clamped / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
  return from_px + share * (to_px - from_px);
}

std::string AxisScale::text_of(double tick) const {
  if (logarithmic || ticks.empty()) return tick_text(tick);
  return tick_text(tick, std::max(std::abs(ticks.front()), std::abs(ticks.back())));
}

AxisScale make_scale(const ChartAxis& axis,
                     const std::vector<double>& values,
                     int wanted_ticks,
                     std::optional<double> upper) {
  const bool logarithmic = axis.logarithmic;
  std::vector<double> all = values;
  for (const double tick : axis.ticks) {
    if (can_place(tick, logarithmic)) all.push_back(tick);
  }
  double low = logarithmic ? 1.0 : 0.0, high = logarithmic ? 10.0 : 1.0;
  if (!all.empty()) {
    const auto [smallest, largest] = std::minmax_element(all.begin(), all.end());
    low = *smallest;
    high = *largest;
  }
  if (upper && can_place(*upper, logarithmic)) high = std::min(high, *upper);
  // Where the axis has to begin or end, ticks count from there.
  if (axis.minimum && can_place(*axis.minimum, logarithmic)) low = *axis.minimum;
  if (axis.maximum && can_place(*axis.maximum, logarithmic)) high = *axis.maximum;
  low = std::min(low, high);
  widen_if_equal(low, high, logarithmic);
  AxisScale scale;
  scale.logarithmic = logarithmic;
  if (axis.ticks.empty()) {
    scale.ticks = nice_ticks(low, high, wanted_ticks, logarithmic);
    if (axis.whole) {
      std::erase_if(scale.ticks, [](double tick) {
        return std::abs(tick - std::round(tick)) > kTolerance * std::max(1.0, std::abs(tick));
      });
    }
    if (scale.ticks.empty()) scale.ticks = {low, high};
    low = std::min(low, scale.ticks.front());
    high = std::max(high, scale.ticks.back());
  } else {
    scale.ticks = axis.ticks;
    std::sort(scale.ticks.begin(), scale.ticks.end());
    add_margin(low, high, logarithmic);
  }
  if (axis.minimum && can_place(*axis.minimum, logarithmic)) low = *axis.minimum;
  if (axis.maximum && can_place(*axis.maximum, logarithmic)) high = *axis.maximum;
  if (upper && can_place(*upper, logarithmic) && !axis.maximum) high = std::min(high, *upper);
  widen_if_equal(low, high, logarithmic);
  scale.low = low;
  scale.high = high;
  std::erase_if(scale.ticks, [&](double tick) {
    const double slack = logarithmic ? 0.0 : (high - low) * kTolerance;
    return !can_place(tick, logarithmic) || tick < low - slack - kTolerance * std::abs(low) ||
           tick > high + slack + kTolerance * std::abs(high);
  });
  return scale;
}

}  // namespace ropewalk
