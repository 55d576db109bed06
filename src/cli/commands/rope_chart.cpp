// The picture of `rope`: wavelength by pair, before and after, against L and L'.
#include <cmath>
#include <limits>

#include "cli/commands/rope_meaning.h"
#include "ropewalk/base/text.h"
#include "ropewalk/formats/svg_chart.h"

namespace ropewalk::cli {
namespace {

// Pairs that stand still have no wavelength: a gap.
double drawable(double wavelength) {
  return std::isfinite(wavelength) ? wavelength : std::numeric_limits<double>::quiet_NaN();
}

ChartSeries wavelengths(const RopeMeaning& meaning, bool scaled, const std::string& name) {
  ChartSeries series{name, {}, !scaled};
  for (size_t i = 0; i < meaning.pairs.size(); ++i) {
    const PairMeaning& pair = meaning.pairs[i];
    series.points.push_back(
        {static_cast<double>(i), drawable(scaled ? pair.scaled_wavelength : pair.wavelength)});
  }
  return series;
}

ChartSeries level(const std::string& name, int64_t length, double last_pair) {
  const auto y = static_cast<double>(length);
  return {name + " = " + std::to_string(length), {{0.0, y}, {last_pair, y}}, true};
}

}  // namespace

std::string meaning_chart(const std::vector<RopeMeaning>& meanings, const std::string& title) {
  ChartSpec chart;
  chart.title = title;
  chart.subtitle = describe_rope(meanings.front().rope);
  chart.x.label = "pair of dimensions";
  chart.y = {.label = "wavelength", .unit = "positions", .logarithmic = true};
  chart.legend = LegendPlace::kBelow;
  size_t num_pairs = 0;
  for (const RopeMeaning& meaning : meanings) {
    const std::string prefix = meaning.layer_type.empty() ? "" : meaning.layer_type + ", ";
    chart.series.push_back(wavelengths(meaning, false, prefix + "without scaling"));
    chart.series.push_back(wavelengths(meaning, true, prefix + "as computed"));
    num_pairs = std::max(num_pairs, meaning.pairs.size());
  }
  const RopeParameters& main = meanings.front().rope;
  const double last = static_cast<double>(num_pairs) - 1.0;
  chart.series.push_back(level("L", main.original_max_position_embeddings, last));
  if (main.max_position_embeddings != main.original_max_position_embeddings) {
    chart.series.push_back(level("L'", main.max_position_embeddings, last));
  }
  return svg_chart(chart);
}

}  // namespace ropewalk::cli
