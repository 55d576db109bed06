// metrics.jsonl: docs/file_formats.md.
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>

#include "ropewalk/report/run_record.h"
#include "ropewalk/rope/json_values.h"

namespace ropewalk {
namespace {

constexpr size_t kMostListedLines = 5;
constexpr std::string_view kPerplexityKey = "eval/perplexity@";
constexpr std::string_view kFactorPart = "/factor_";
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <typename Number>
bool parse_whole(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// "eval/perplexity@512" or "eval/perplexity@512/factor_2"; nothing for other keys.
std::optional<EvaluationRow> row_of_key(std::string_view key) {
  if (!key.starts_with(kPerplexityKey)) return std::nullopt;
  key.remove_prefix(kPerplexityKey.size());
  const size_t slash = key.find('/');
  EvaluationRow row;
  if (!parse_whole(key.substr(0, slash), row.window) || row.window < 1) return std::nullopt;
  if (slash == std::string_view::npos) return row;
  key.remove_prefix(slash);
  double factor = 0;
  if (!key.starts_with(kFactorPart) || !parse_whole(key.substr(kFactorPart.size()), factor) ||
      !std::isfinite(factor)) {
    return std::nullopt;
  }
  row.factor = factor;
  return row;
}

void read_line(const Json& line, Diagnostics& faults, RunMetrics& metrics) {
  const JsonValues values(line, "", faults);
  if (!values.is_object()) return;
  const int64_t step = values.required_integer("step").value_or(0);
  const auto number = [&](const char* key) { return values.number(key).value_or(kNan); };
  if (line.contains("loss")) {
    metrics.training.push_back({.step = step,
                                .loss = number("loss"),
                                .learning_rate = number("learning_rate"),
                                .tokens = number("tokens"),
                                .tokens_per_second = number("tokens_per_second"),
                                .mfu = number("mfu"),
                                .memory_bytes = number("memory_bytes"),
                                .skipped = values.boolean("skipped").value_or(false)});
  }
  for (const auto& [key, value] : line.items()) {
    std::optional<EvaluationRow> row = row_of_key(key);
    if (!row) continue;
    row->step = step;
    row->perplexity = values.number(key).value_or(std::numeric_limits<double>::infinity());
    metrics.evaluations.push_back(*row);
  }
}

// The line's faults, each without the file's name.
std::vector<std::string> faults_of_line(std::string_view text, RunMetrics& metrics) {
  Json line;
  try {
    line = Json::parse(text.begin(), text.end());
  } catch (const Json::exception&) {
    return {"not valid JSON: found " + quoted_text(text, 40) +
            "; expected one whole object. Remove the line"};
  }
  Diagnostics found;
  read_line(line, found, metrics);
  std::vector<std::string> texts;
  for (const Diagnostics::Item& item : found.errors()) {
    texts.push_back((item.where.empty() ? "" : item.where + ": ") + item.text);
  }
  return texts;
}

}  // namespace

RunMetrics parse_metrics(std::string_view text, const std::string& name, Diagnostics& faults) {
  RunMetrics metrics;
  size_t bad_lines = 0;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const bool is_whole = end != std::string_view::npos;
    text.remove_prefix(is_whole ? end + 1 : text.size());
    if (!is_whole && !Json::accept(line.begin(), line.end())) {
      metrics.torn = true;
      break;
    }
    const std::vector<std::string> found = faults_of_line(line, metrics);
    if (found.empty() || ++bad_lines > kMostListedLines) continue;
    for (const std::string& fault : found) faults.error(name + ":" + std::to_string(number), fault);
  }
  if (bad_lines > kMostListedLines) {
    faults.error(name,
                 "and " + std::to_string(bad_lines - kMostListedLines) + " more lines like these");
  }
  return metrics;
}

}  // namespace ropewalk
