// Draws the pictures of measured pages for the scripts that measure: a chart as JSON on standard
// input, its SVG on standard output. Fields as in ropewalk/formats/svg_chart.h; a point is [x, y],
// where y may be null for a gap; what is left out has the default of the struct.
#include <cmath>
#include <iostream>
#include <iterator>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"
#include "ropewalk/formats/svg_chart.h"

namespace ropewalk {
namespace {

std::optional<double> number_of(const Json& json, const char* key) {
  if (!json.contains(key)) return std::nullopt;
  return json[key].get<double>();
}

ChartAxis axis_of(const Json& json) {
  return {.label = json.at("label").get<std::string>(),
          .unit = json.value("unit", ""),
          .logarithmic = json.value("logarithmic", false),
          .ticks = json.value("ticks", std::vector<double>()),
          .minimum = number_of(json, "minimum"),
          .maximum = number_of(json, "maximum")};
}

ChartSeries series_of(const Json& json) {
  ChartSeries series = {.name = json.at("name").get<std::string>(),
                        .points = {},
                        .dashed = json.value("dashed", false)};
  for (const Json& point : json.at("points")) {
    const Json& y = point.at(1);
    series.points.push_back({point.at(0).get<double>(), y.is_null() ? NAN : y.get<double>()});
  }
  return series;
}

ChartSpec chart_of(const Json& json) {
  ChartSpec chart;
  chart.title = json.at("title").get<std::string>();
  chart.subtitle = json.value("subtitle", "");
  chart.x = axis_of(json.at("x"));
  chart.y = axis_of(json.at("y"));
  for (const Json& series : json.at("series")) chart.series.push_back(series_of(series));
  chart.clip_above = number_of(json, "clip_above");
  return chart;
}

}  // namespace
}  // namespace ropewalk

int main() {
  try {
    const std::string text(std::istreambuf_iterator<char>(std::cin), {});
    std::cout << ropewalk::svg_chart(
        ropewalk::chart_of(ropewalk::parse_json(text, "standard input")));
    return 0;
  } catch (const ropewalk::Error& error) {
    std::cerr << error.what() << "\n";
    return error.exit_code();
  } catch (const ropewalk::Json::exception& error) {
    std::cerr << "standard input: " << error.what() << "\n";
    return ropewalk::kExitBadInput;
  }
}
