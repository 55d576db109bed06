#include "ropewalk/eval/report.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "eval/text_table.h"
#include "ropewalk/base/distinct.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/formats/svg_chart.h"
#include "ropewalk/rope/json_values.h"
#include "ropewalk/rope/scaling_name.h"

namespace ropewalk {
namespace {

constexpr double kTenfold = 10;
constexpr std::string_view kIntervalTitle = "  95 % over documents";

// "tuned, linear x2"
std::string row_name(const PerplexityResult& result) {
  const std::string scaling = scaling_name(result.kind, result.factor);
  return result.name.empty() ? scaling : result.name + ", " + scaling;
}

const PerplexityResult* find(const std::vector<PerplexityResult>& results,
                             int64_t window,
                             const std::string& row) {
  for (const PerplexityResult& result : results) {
    if (result.window == window && row_name(result) == row) return &result;
  }
  return nullptr;
}

int64_t longest_window(const std::vector<PerplexityResult>& results) {
  int64_t longest = 0;
  for (const PerplexityResult& result : results) longest = std::max(longest, result.window);
  return longest;
}

Json positions_json(const std::vector<PositionLoss>& positions) {
  Json rows = Json::array();
  for (const PositionLoss& p : positions) {
    rows.push_back({{"begin", p.begin}, {"end", p.end}, {"nll", p.nll}, {"tokens", p.tokens}});
  }
  return rows;
}

// Written as null where it is not finite.
double loss_of(const JsonValues& values, const std::string& key) {
  if (!values.has(key)) values.fault(key, "is missing");
  return values.number(key).value_or(std::numeric_limits<double>::infinity());
}

PerplexityResult result_from(const JsonValues& values) {
  PerplexityResult result;
  result.window = values.required_integer("window").value_or(0);
  result.stride = values.required_integer("stride").value_or(0);
  result.kind = values.required_text("kind").value_or("");
  result.factor = values.required_number("factor").value_or(1);
  result.perplexity = loss_of(values, "perplexity");
  result.nll = loss_of(values, "nll");
  result.tokens = values.required_integer("tokens").value_or(0);
  result.documents = values.required_integer("documents").value_or(0);
  const auto low = values.number("perplexity_low"), high = values.number("perplexity_high");
  if (low && high) result.interval = Interval{*low, *high};
  if (!values.find("positions")) return result;
  values.for_each("positions", [&](const JsonValues& part) {
    result.positions.push_back({.begin = part.required_integer("begin").value_or(0),
                                .end = part.required_integer("end").value_or(0),
                                .nll = loss_of(part, "nll"),
                                .tokens = part.required_integer("tokens").value_or(0)});
  });
  return result;
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
                    {"perplexity_low", r.interval ? Json(r.interval->low) : Json()},
                    {"perplexity_high", r.interval ? Json(r.interval->high) : Json()},
                    {"nll", r.nll},
                    {"tokens", r.tokens},
                    {"documents", r.documents},
                    {"positions", positions_json(r.positions)}});
  }
  return {{"protocol", enum_name(results.front().protocol)}, {"results", rows}};
}

std::vector<PerplexityResult> read_perplexity_json(const std::filesystem::path& file) {
  const Json json = read_json_file(file);
  Diagnostics faults;
  std::vector<PerplexityResult> results;
  const JsonValues values(json, "", faults);
  if (values.is_object()) {
    const std::optional<std::string> name = values.required_text("protocol");
    const auto protocol = enum_from_name<PerplexityProtocol>(name.value_or(""));
    if (name && !protocol) {
      faults.error("protocol",
                   "found \"" + *name + "\", expected one of " +
                       join(enum_choices<PerplexityProtocol>(), ", "));
    }
    values.for_each("results", [&](const JsonValues& row) {
      results.push_back(result_from(row));
      results.back().protocol = protocol.value_or(PerplexityProtocol::kPi);
    });
    if (results.empty()) faults.error("results", "has none");
  }
  faults.throw_if_errors<ConfigError>(file.string() + " (what `eval perplexity --json` writes)");
  return results;
}

std::string perplexity_table(const std::vector<PerplexityResult>& results) {
  const auto windows = distinct(results, [](const PerplexityResult& r) { return r.window; });
  std::vector<std::vector<std::string>> rows{{"perplexity at window"}};
  for (const int64_t window : windows) rows.front().push_back(std::to_string(window));
  for (const std::string& name : distinct(results, row_name)) {
    std::vector<std::string> values{name};
    std::vector<std::string> intervals{std::string(kIntervalTitle)};
    bool has_interval = false;
    for (const int64_t window : windows) {
      const PerplexityResult* result = find(results, window, name);
      values.push_back(result ? format_rounded(result->perplexity) : "-");
      const bool known = result && result->interval;
      intervals.push_back(known ? format_rounded(result->interval->low) + " to " +
                                      format_rounded(result->interval->high)
                                : "-");
      has_interval = has_interval || known;
    }
    rows.push_back(values);
    if (has_interval) rows.push_back(intervals);
  }
  return text_table(rows);
}

std::string position_table(const std::vector<PerplexityResult>& results) {
  const int64_t window = longest_window(results);
  const auto names = distinct(results, row_name);
  std::vector<std::vector<std::string>> rows{
      {"loss at positions of window " + std::to_string(window)}};
  rows.front().insert(rows.front().end(), names.begin(), names.end());
  const PerplexityResult* first = find(results, window, names.front());
  if (first == nullptr) return {};
  for (size_t i = 0; i < first->positions.size(); ++i) {
    const PositionLoss& part = first->positions[i];
    rows.push_back({std::to_string(part.begin) + " to " + std::to_string(part.end - 1)});
    for (const std::string& name : names) {
      const PerplexityResult* result = find(results, window, name);
      const bool known = result && i < result->positions.size();
      rows.back().push_back(known ? format_rounded(result->positions[i].nll) : "-");
    }
  }
  return text_table(rows);
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

std::string position_chart(const std::vector<PerplexityResult>& results,
                           const std::string& subtitle) {
  const int64_t window = longest_window(results);
  ChartSpec chart;
  chart.title = "Loss inside a window of " + std::to_string(window);
  chart.subtitle = subtitle;
  chart.x = {.label = "position in the window", .unit = "tokens"};
  chart.y = {.label = "loss", .unit = "nats per token"};
  for (const PerplexityResult& result : results) {
    if (result.window != window) continue;
    ChartSeries series{.name = row_name(result), .points = {}, .dashed = result.factor == 1};
    for (const PositionLoss& part : result.positions) {
      series.points.push_back({static_cast<double>(part.begin + part.end - 1) / 2, part.nll});
    }
    chart.series.push_back(series);
  }
  return svg_chart(chart);
}

}  // namespace ropewalk
