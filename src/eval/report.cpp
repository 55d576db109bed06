#include "ropewalk/eval/report.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/formats/svg_chart.h"

namespace ropewalk {
namespace {

constexpr double kTenfold = 10;
constexpr size_t kColumnWidth = 10;
constexpr std::string_view kWindowTitle = "perplexity at window";

// "tuned, linear x2"
std::string row_name(const PerplexityResult& result) {
  const std::string scaling =
      result.factor == 1 ? "unscaled" : result.kind + " x" + format_number(result.factor);
  return result.name.empty() ? scaling : result.name + ", " + scaling;
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

std::string perplexity_at(const std::vector<PerplexityResult>& results,
                          int64_t window,
                          const std::string& row) {
  for (const PerplexityResult& result : results) {
    if (result.window != window || row_name(result) != row) continue;
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

std::vector<PerplexityResult> read_perplexity_json(const std::filesystem::path& file) {
  const Json json = read_json_file(file);
  std::vector<PerplexityResult> results;
  try {
    for (const Json& row : json.at("results")) {
      PerplexityResult result;
      row.at("window").get_to(result.window);
      row.at("stride").get_to(result.stride);
      row.at("kind").get_to(result.kind);
      row.at("factor").get_to(result.factor);
      row.at("perplexity").get_to(result.perplexity);
      row.at("nll").get_to(result.nll);
      row.at("tokens").get_to(result.tokens);
      row.at("documents").get_to(result.documents);
      results.push_back(result);
    }
  } catch (const Json::exception& error) {
    throw ConfigError(file.string() +
                      ": not what `eval perplexity --json` writes: " + error.what());
  }
  if (results.empty()) throw ConfigError(file.string() + ": has no results");
  return results;
}

std::string perplexity_table(const std::vector<PerplexityResult>& results) {
  const auto rows = distinct(results, row_name);
  const auto windows = distinct(results, [](const PerplexityResult& r) { return r.window; });
  size_t name_width = kWindowTitle.size();
  for (const std::string& row : rows) name_width = std::max(name_width, row.size());
  const auto padded = [&](const std::string& text) {
    return text + std::string(name_width - text.size(), ' ');
  };
  std::string table = padded(std::string(kWindowTitle));
  for (const int64_t window : windows) table += cell(std::to_string(window), kColumnWidth);
  table += "\n";
  for (const std::string& row : rows) {
    table += padded(row);
    for (const int64_t window : windows) {
      table += cell(perplexity_at(results, window, row), kColumnWidth);
    }
    table += "\n";
  }
  return table;
}

std::string perplexity_chart(const std::vector<PerplexityResult>& results,
                             const std::string& subtitle) {
  ChartSpec chart;
  chart.title = "Perplexity by window";
  chart.subtitle = subtitle;
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
  for (const std::string& row : distinct(results, row_name)) {
    ChartSeries series{.name = row, .points = {}};
    for (const PerplexityResult& result : results) {
      if (row_name(result) != row) continue;
      series.points.push_back({static_cast<double>(result.window), result.perplexity});
      // Dashed: nobody stretched this one.
      series.dashed = result.factor == 1;
    }
    chart.series.push_back(series);
  }
  return svg_chart(chart);
}

}  // namespace ropewalk
