#include "ropewalk/eval/report.h"

#include <algorithm>
#include <cstdio>

#include "ropewalk/base/text.h"
#include "ropewalk/formats/svg_chart.h"

namespace ropewalk {
namespace {

constexpr double kTenfold = 10;
constexpr size_t kWindowWidth = 8;
constexpr size_t kColumnGap = 2;
constexpr size_t kSmallestColumn = 10;

std::string scaling_name(const PerplexityResult& result) {
  if (result.factor == 1) return "unscaled";
  return result.kind + " x" + format_number(result.factor);
}

// In order of first appearance.
template <typename Key>
auto distinct(const std::vector<PerplexityResult>& results, Key key) {
  std::vector<decltype(key(results.front()))> values;
  for (const PerplexityResult& result : results) {
    if (std::find(values.begin(), values.end(), key(result)) == values.end()) {
      values.push_back(key(result));
    }
  }
  return values;
}

std::string cell(const std::string& text, size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

std::string cell_of(const std::vector<PerplexityResult>& results, int64_t window,
                    const std::string& scaling) {
  for (const PerplexityResult& result : results) {
    if (result.window != window || scaling_name(result) != scaling) continue;
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", result.perplexity);
    return text;
  }
  return "-";
}

}  // namespace

Json perplexity_json(const std::vector<PerplexityResult>& results) {
  Json rows = Json::array();
  for (const PerplexityResult& r : results) {
    rows.push_back({{"window", r.window},
                    {"stride", r.stride},
                    {"kind", r.kind},
                    {"factor", r.factor},
                    {"perplexity", r.perplexity},
                    {"nll", r.nll},
                    {"tokens", r.tokens},
                    {"documents", r.documents}});
  }
  return {{"protocol", "pi"}, {"results", rows}};
}

std::string perplexity_table(const std::vector<PerplexityResult>& results) {
  const auto scalings = distinct(results, scaling_name);
  const auto windows = distinct(results, [](const PerplexityResult& r) { return r.window; });
  std::string table = cell("window", kWindowWidth);
  const auto width = [](const std::string& name) {
    return std::max(name.size(), kSmallestColumn) + kColumnGap;
  };
  for (const std::string& scaling : scalings) table += cell(scaling, width(scaling));
  table += "\n";
  for (const int64_t window : windows) {
    table += cell(std::to_string(window), kWindowWidth);
    for (const std::string& scaling : scalings) {
      table += cell(cell_of(results, window, scaling), width(scaling));
    }
    table += "\n";
  }
  return table;
}

std::string perplexity_chart(const std::vector<PerplexityResult>& results,
                             const std::string& model) {
  ChartSpec chart;
  chart.title = "Perplexity by window";
  chart.subtitle = model + ", sliding window, lower is better";
  chart.x = {.label = "window", .unit = "tokens", .logarithmic = true};
  chart.y = {.label = "perplexity", .unit = ""};
  double low = results.front().perplexity;
  double high = low;
  for (const PerplexityResult& result : results) {
    low = std::min(low, result.perplexity);
    high = std::max(high, result.perplexity);
  }
  chart.y.logarithmic = high > kTenfold * low;
  for (const int64_t window : distinct(results, [](const auto& r) { return r.window; })) {
    chart.x.ticks.push_back(static_cast<double>(window));
  }
  for (const std::string& scaling : distinct(results, scaling_name)) {
    ChartSeries series{.name = scaling, .points = {}, .dashed = scaling == "unscaled"};
    for (const PerplexityResult& result : results) {
      if (scaling_name(result) != scaling) continue;
      series.points.push_back({static_cast<double>(result.window), result.perplexity});
    }
    chart.series.push_back(series);
  }
  return svg_chart(chart);
}

}  // namespace ropewalk
