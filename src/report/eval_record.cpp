#include "ropewalk/report/eval_record.h"

#include <algorithm>
#include <limits>
#include <set>

#include "ropewalk/base/collect_faults.h"
#include "ropewalk/base/json.h"
#include "ropewalk/base/text.h"
#include "ropewalk/rope/json_values.h"
#include "ropewalk/rope/scaling_name.h"

namespace ropewalk {
namespace {

constexpr size_t kMostCells = 10000;
constexpr const char* kExpectedForm =
    "expected what `eval perplexity`, `passkey`, `needle`, `recall` or `short` writes with --json. "
    "Name or leave only such files";

std::optional<EvalForm> form_of(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  if (json.contains("protocol")) return EvalForm::kPerplexity;
  const Json task = json.value("task", Json());
  if (task == "passkey") return EvalForm::kPasskey;
  if (task == "needle") return EvalForm::kNeedle;
  if (task == "recall") return EvalForm::kRecall;
  if (task == "short") return EvalForm::kShort;
  return std::nullopt;
}

// "an object with model, data", "a list".
std::string describe_value(const Json& json) {
  if (!json.is_object()) return std::string("JSON of type ") + json.type_name();
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  constexpr size_t kMostKeys = 8;
  if (keys.size() > kMostKeys) keys.resize(kMostKeys);
  return keys.empty() ? "an empty object"
                      : "an object with the keys " + quoted_text(join(keys, ", "));
}

int64_t required_positive(const JsonValues& values, const std::string& key) {
  if (!values.find(key)) values.fault(key, "is missing");
  return values.positive_integer(key).value_or(1);
}

// The results of this scaling, made when they are the first.
ScaledResults& under(const JsonValues& values, EvalRecord& record) {
  const std::string kind = values.required_text("kind").value_or("");
  const double factor = values.required_number("factor").value_or(1.0);
  const std::string scaling = scaling_name(kind, factor);
  for (ScaledResults& results : record.results) {
    if (results.scaling == scaling) return results;
  }
  record.results.push_back({.scaling = scaling, .is_scaled = factor != 1.0});
  return record.results.back();
}

void read_window(const JsonValues& values, EvalRecord& record) {
  WindowResult result;
  result.window = required_positive(values, "window");
  result.perplexity = values.number("perplexity").value_or(std::numeric_limits<double>::infinity());
  const auto low = values.number("perplexity_low"), high = values.number("perplexity_high");
  if (low && high) result.interval = {*low, *high};
  if (values.find("positions")) {
    values.for_each("positions", [&](const JsonValues& part) {
      result.positions.push_back({.begin = part.required_integer("begin").value_or(0),
                                  .end = part.required_integer("end").value_or(0),
                                  .nll = part.required_number("nll").value_or(0)});
    });
  }
  under(values, record).windows.push_back(std::move(result));
}

void read_score(const JsonValues& values, EvalForm form, ScaledResults& results) {
  RetrievalResult score;
  const bool is_passkey = form == EvalForm::kPasskey;
  score.length = values.required_integer(is_passkey ? "distance" : "length").value_or(0);
  if (form == EvalForm::kNeedle) score.depth = values.required_number("depth").value_or(0);
  if (form == EvalForm::kRecall) score.task = values.required_text("task").value_or("");
  const int64_t trials = required_positive(values, "trials");
  const int64_t successes = values.required_integer("successes").value_or(0);
  if (successes < 0 || successes > trials) {
    values.fault("successes",
                 "found " + std::to_string(successes) + "; expected 0 to " +
                     std::to_string(trials) + ", the trials");
  }
  score.found = static_cast<double>(successes) / static_cast<double>(trials);
  results.retrieval.push_back(score);
}

// A map has a cell for each length and depth, whatever was measured.
void check_grid(const JsonValues& values, const ScaledResults& results) {
  std::set<int64_t> lengths;
  std::set<double> depths;
  for (const RetrievalResult& result : results.retrieval) {
    lengths.insert(result.length);
    depths.insert(result.depth);
  }
  if (lengths.size() * depths.size() <= kMostCells) return;
  values.fault("scores",
               "found " + std::to_string(lengths.size()) + " lengths and " +
                   std::to_string(depths.size()) + " depths; expected at most " +
                   std::to_string(kMostCells) + " places");
}

void read_retrieval(const JsonValues& values, EvalRecord& record) {
  ScaledResults& results = under(values, record);
  results.k_max = values.integer("k_max");
  values.for_each("scores",
                  [&](const JsonValues& score) { read_score(score, record.form, results); });
  if (record.form == EvalForm::kNeedle) check_grid(values, results);
}

ShortModel short_model(const JsonValues& values) {
  return {values.text("name").value_or(""),
          scaling_name(values.required_text("kind").value_or(""),
                       values.required_number("factor").value_or(1.0))};
}

double required_share(const JsonValues& values, const std::string& key) {
  const double share = values.required_number(key).value_or(0.0);
  if (!(share >= 0 && share <= 1)) values.fault(key, "expected a share between 0 and 1");
  return share;
}

EvalRecord parse_short(const JsonValues& values, Diagnostics& faults) {
  EvalRecord record;
  record.form = EvalForm::kShort;
  values.for_each("perplexity", [&](const JsonValues& row) {
    record.short_perplexities.push_back(
        {.model = short_model(row),
         .window = required_positive(row, "window"),
         .perplexity = row.number("perplexity").value_or(std::numeric_limits<double>::infinity())});
  });
  values.for_each("choices", [&](const JsonValues& row) {
    record.short_choices.push_back(
        {.model = short_model(row),
         .task = row.required_text("task").value_or(""),
         .questions = required_positive(row, "questions"),
         .accuracy = required_share(row, "accuracy"),
         .accuracy_normalized = required_share(row, "accuracy_normalized")});
  });
  if (faults.ok() && record.short_perplexities.empty() && record.short_choices.empty()) {
    values.fault("choices", "this list and `perplexity` are empty");
  }
  return record;
}

EvalRecord parse_eval_record(const Json& json, EvalForm form, Diagnostics& faults) {
  EvalRecord record;
  record.form = form;
  const JsonValues values(json, "", faults);
  if (form == EvalForm::kShort) return parse_short(values, faults);
  if (form == EvalForm::kPerplexity) {
    record.protocol = values.required_text("protocol").value_or("");
  }
  values.for_each("results", [&](const JsonValues& result) {
    if (form == EvalForm::kPerplexity) {
      read_window(result, record);
    } else {
      read_retrieval(result, record);
    }
  });
  if (faults.ok() && record.results.empty()) values.fault("results", "the list is empty");
  for (ScaledResults& results : record.results) {
    std::stable_sort(results.windows.begin(),
                     results.windows.end(),
                     [](const auto& a, const auto& b) { return a.window < b.window; });
  }
  return record;
}

}  // namespace

std::optional<EvalRecord> read_eval_record(const std::filesystem::path& file,
                                           const std::string& name,
                                           Diagnostics& faults) {
  Json json;
  if (!collect_faults(faults, "", [&] { json = read_json_file(file); })) return std::nullopt;
  const std::optional<EvalForm> form = form_of(json);
  if (!form) {
    faults.error(file.string(), "found " + describe_value(json) + "; " + kExpectedForm);
    return std::nullopt;
  }
  Diagnostics own;
  EvalRecord record = parse_eval_record(json, *form, own);
  for (const Diagnostics::Item& item : own.errors()) {
    faults.error(file.string(), item.where + ": " + item.text + "; " + kExpectedForm);
  }
  if (!own.ok()) return std::nullopt;
  record.name = name;
  return record;
}

}  // namespace ropewalk
