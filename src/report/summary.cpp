#include <cmath>
#include <functional>
#include <set>

#include "report/sections.h"
#include "report/values.h"
#include "ropewalk/base/text.h"
#include "ropewalk/rope/scaling_name.h"

namespace ropewalk {
namespace {

constexpr double kLargestCount = 1e18;  // more is no count of anything

std::string count_text(double count) {
  return std::abs(count) < kLargestCount ? format_count(std::llround(count)) : kUnknownValue;
}

std::string count_text(const Json& count) {
  return count.is_number() ? count_text(count.get<double>()) : kUnknownValue;
}

// The pre-trained model's folder, or the family that is trained from scratch.
std::string model_of(const RunRecord& run) {
  const Json pretrained = value_at(run.config, "model.pretrained");
  if (pretrained.is_string()) {
    const std::filesystem::path path = pretrained.get<std::string>();
    return (path.has_filename() ? path : path.parent_path()).filename().string();
  }
  const Json family = value_at(run.config, "model.model_type");
  return family.is_string() ? family.get<std::string>() + ", from scratch" : kUnknownValue;
}

std::string context_of(const RunRecord& run) {
  const Json before = value_at(run.config, "model.original_max_position_embeddings");
  const Json now = value_at(run.config, "model.max_position_embeddings");
  const std::string from = run.positions
                               ? format_count(run.positions->original_max_position_embeddings)
                               : count_text(before);
  const std::string to =
      run.positions ? format_count(run.positions->max_position_embeddings) : count_text(now);
  if (to == kUnknownValue) return to;
  return (from == kUnknownValue ? "" : from + " → ") + to + " tokens";
}

std::string scaling_of(const RunRecord& run) {
  if (run.positions) {
    return scaling_name(std::string(rope_kind_name(run.positions->kind)), run.positions->factor);
  }
  const Json factor = value_at(run.config, "model.pos_scaling_factor");
  const Json kind = value_at(run.config, "model.pos_scaling_type");
  if (!factor.is_number()) return kUnknownValue;
  return scaling_name(kind.is_string() ? kind.get<std::string>() : "linear", factor.get<double>());
}

std::string steps_of(const RunRecord& run) {
  const int64_t done = run.metrics.training.empty() ? 0 : run.metrics.training.back().step;
  return format_count(done) + " of " + count_text(value_at(run.config, "train.steps"));
}

std::string last_loss_of(const RunRecord& run) {
  if (run.metrics.training.empty()) return kUnknownValue;
  return shown_number(run.metrics.training.back().loss);
}

std::string tokens_of(const RunRecord& run) {
  return run.metrics.training.empty() ? kUnknownValue
                                      : count_text(run.metrics.training.back().tokens);
}

double median(const RunRecord& run, double TrainingRow::*member) {
  std::vector<double> values;
  for (const TrainingRow& row : run.metrics.training) values.push_back(row.*member);
  return median_of(values);
}

std::string speed_of(const RunRecord& run) {
  return count_text(median(run, &TrainingRow::tokens_per_second));
}

std::string mfu_of(const RunRecord& run) { return shown_percent(median(run, &TrainingRow::mfu)); }

std::string memory_of(const RunRecord& run) {
  double peak = 0.0;
  for (const TrainingRow& row : run.metrics.training) peak = std::fmax(peak, row.memory_bytes);
  const bool is_known = peak > 0.0 && peak < kLargestCount;
  return is_known ? format_bytes(static_cast<uint64_t>(peak)) : kUnknownValue;
}

std::string folder_of(const RunRecord& run) { return run.folder.string(); }

// One row for each window and factor of any run's last evaluation.
void add_perplexities(const std::vector<RunRecord>& runs, ReportTable& table) {
  std::set<std::pair<int64_t, double>> places;  // factor 0: the model's own
  const auto place_of = [](const EvaluationRow& row) {
    return std::pair(row.window, row.factor.value_or(0.0));
  };
  const auto is_last = [](const RunRecord& run, const EvaluationRow& row) {
    return row.step == run.metrics.evaluations.back().step;
  };
  for (const RunRecord& run : runs) {
    for (const EvaluationRow& row : run.metrics.evaluations) {
      if (is_last(run, row)) places.insert(place_of(row));
    }
  }
  for (const auto& place : places) {
    std::string name = "Last perplexity at " + format_count(place.first);
    if (place.second > 0.0) name += ", factor " + format_number(place.second);
    std::vector<std::string> values = {name};
    for (const RunRecord& run : runs) {
      values.emplace_back(kUnknownValue);
      for (const EvaluationRow& row : run.metrics.evaluations) {
        if (is_last(run, row) && place_of(row) == place) {
          values.back() = shown_number(row.perplexity);
        }
      }
    }
    table.rows.push_back(values);
  }
}

}  // namespace

ReportSection summary_section(const ReportInput& input) {
  ReportSection section{.id = "summary", .title = "Summary"};
  ReportTable table;
  table.header = {"Run"};
  for (const RunRecord& run : input.runs) table.header.push_back(run.name);
  const auto add = [&](const std::string& name, std::string (*value)(const RunRecord&)) {
    table.rows.push_back({name});
    for (const RunRecord& run : input.runs) table.rows.back().push_back(value(run));
  };
  add("Folder", folder_of);
  add("Model", model_of);
  add("Context", context_of);
  add("Position scaling", scaling_of);
  add("Steps done", steps_of);
  add("Last loss (nats per token)", last_loss_of);
  add_perplexities(input.runs, table);
  add("Tokens trained on", tokens_of);
  add("Tokens per second, median", speed_of);
  add("Model FLOP utilisation, median", mfu_of);
  add("Peak memory of rank 0", memory_of);
  section.tables = {table};
  std::vector<std::string> torn;
  for (const RunRecord& run : input.runs) {
    if (run.metrics.torn) torn.push_back(run.name);
  }
  if (!torn.empty()) {
    section.remarks.push_back(
        "Half a line at the end of metrics.jsonl is left out: the run was killed, or was writing "
        "it. This holds for " +
        join(torn, ", ") + ".");
  }
  return section;
}

}  // namespace ropewalk
