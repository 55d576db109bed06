#include "ropewalk/settings/stages.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/config/overrides.h"
#include "ropewalk/settings/evaluation_tags.h"

namespace ropewalk {
namespace {

constexpr const char* kStages = "stages";
constexpr const char* kGate = "gate";
// What differs between the others would be another run: ranks, and where its files are.
constexpr std::array<std::string_view, 8> kSections{
    "model", "data", "train", "optimizer", "schedule", "lora", "checkpoint", "eval"};

// Thousands of data folders. A value takes several times as much memory as its text.
constexpr uint64_t kMaxFileBytes = uint64_t{1} << 20;

// A pipe announces no size.
void check_file_size(const std::filesystem::path& path) {
  std::error_code no_file;
  const uint64_t size = std::filesystem::file_size(path, no_file);
  if (no_file || size <= kMaxFileBytes) return;
  throw ConfigError(path.string() + ": is " + format_bytes(size) + ", expected at most " +
                    format_bytes(kMaxFileBytes) + ": this is no run config");
}

std::string place_of(size_t index) {
  return std::string(kStages) + "[" + std::to_string(index) + "]";
}

std::optional<double> bound(const Json& bounds,
                            const char* key,
                            const std::string& where,
                            Diagnostics& faults) {
  const auto found = bounds.find(key);
  if (found == bounds.end()) return std::nullopt;
  if (found->is_number()) return found->get<double>();
  faults.error(where + "." + key, "found " + found->dump() + ", expected a number");
  return std::nullopt;
}

std::vector<Gate> gates_from(const Json& json, const std::string& where, Diagnostics& faults) {
  std::vector<Gate> gates;
  if (!json.is_object()) {
    faults.error(
        where,
        "found " + json.dump() + R"(, expected {"eval/perplexity@8192": {"at_most": 12.0}})");
    return gates;
  }
  for (const auto& [metric, bounds] : json.items()) {
    const std::string at = where + "." + metric;
    Gate gate{.metric = metric, .at_most = {}, .at_least = {}};
    if (bounds.is_object()) {
      gate.at_most = bound(bounds, "at_most", at, faults);
      gate.at_least = bound(bounds, "at_least", at, faults);
      for (const auto& [key, value] : bounds.items()) {
        if (key == "at_most" || key == "at_least") continue;
        faults.error(at + "." + key, "unknown key, expected at_most or at_least");
      }
    }
    if (!gate.at_most && !gate.at_least) {
      faults.error(at, "found " + bounds.dump() + ", expected a bound: {\"at_most\": 12.0}");
    }
    if (!metric.starts_with(kEvaluationPrefix)) {
      faults.error(at,
                   "is no number of an evaluation; expected a key of metrics.jsonl such as "
                   "eval/perplexity@8192");
    } else {
      gates.push_back(gate);
    }
  }
  return gates;
}

// Names a setting that a stage may not have, and takes it out.
void refuse(Json& stage, const std::string& path, const std::string& reason, Diagnostics& faults) {
  const std::vector<std::string> keys = split(path, '.');
  if (!stage.contains(keys[0]) || !stage.at(keys[0]).is_object()) return;
  if (stage[keys[0]].erase(keys[1]) > 0) faults.error(path, reason);
}

// What is at fault is taken out of `stage`, so that the rest is judged all the same.
void check_stage(Json& stage, const std::string& where, Diagnostics& faults) {
  std::vector<std::string> unknown;
  for (const auto& [key, value] : stage.items()) {
    const bool known = std::find(kSections.begin(), kSections.end(), key) != kSections.end();
    if (!known && key != kGate) unknown.push_back(key);
  }
  for (const std::string& key : unknown) {
    stage.erase(key);
    faults.error(
        where + "." + key,
        "cannot differ between stages; expected model, data, train, optimizer, schedule, lora, "
        "checkpoint, eval or gate");
  }
  Diagnostics own;
  refuse(stage,
         "model.pretrained",
         "a stage goes on from the one before; the first from the run config's own",
         own);
  refuse(stage,
         "lora.pretrained",
         "a stage goes on from the one before, whose weights have its updates; the first from the "
         "run config's own",
         own);
  refuse(stage,
         "train.run_dir",
         "a stage's folder is stage-N below the run config's own train.run_dir",
         own);
  faults.merge(own, where);
}

// Its part of the run directory, as text: the config holds it so.
Json with_own_folder(Json config, int64_t number) {
  if (!config.contains("train") || !config["train"].is_object()) return config;
  Json& run_dir = config["train"]["run_dir"];
  if (run_dir.is_string()) {
    run_dir =
        (std::filesystem::path(run_dir.get<std::string>()) / ("stage-" + std::to_string(number)))
            .string();
  }
  return config;
}

// A number that is not finite is written as null, and within no bound.
double number_of(const Json& value) {
  return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

std::vector<std::string_view> stage_sections() { return {kSections.begin(), kSections.end()}; }

std::vector<RunStage> read_stages(const std::filesystem::path& run_config,
                                  const std::vector<std::string>& overrides,
                                  Diagnostics& faults) {
  check_file_size(run_config);
  Json json = read_json_file(run_config, {.allow_comments = true});
  const bool has_stages = json.is_object() && json.contains(kStages);
  if (!has_stages) {
    return {{.source = run_config.string(),
             .config = apply_overrides(std::move(json), overrides),
             .gates = {}}};
  }
  const Json list = json.at(kStages);
  json.erase(kStages);
  if (!list.is_array() || list.empty()) {
    faults.error(kStages, "found " + list.dump() + ", expected a list of one stage at least");
    return {{.source = run_config.string(), .config = json, .gates = {}}};
  }
  if (!json.contains("model") || !json["model"].is_object() ||
      !json["model"].contains("pretrained")) {
    faults.error("model.pretrained",
                 "is missing; stages lengthen the context of a pre-trained model");
  }
  std::vector<RunStage> stages;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string where = place_of(i);
    RunStage stage{.number = static_cast<int64_t>(i) + 1, .of = static_cast<int64_t>(list.size())};
    stage.source = run_config.string() + ": stage " + std::to_string(stage.number) + " of " +
                   std::to_string(stage.of);
    Json own = list[i];
    if (!own.is_object()) {
      faults.error(where, "found " + own.dump() + ", expected sections of a run config");
      own = Json::object();
    }
    check_stage(own, where, faults);
    if (own.contains(kGate)) {
      stage.gates = gates_from(own.at(kGate), where + "." + kGate, faults);
      own.erase(kGate);
    }
    Json merged = json;
    merged.merge_patch(own);
    if (i > 0 && merged.contains("lora") && merged["lora"].is_object()) {
      merged["lora"].erase("pretrained");
    }
    stage.config = with_own_folder(apply_overrides(std::move(merged), overrides), stage.number);
    stages.push_back(std::move(stage));
  }
  return stages;
}

std::vector<std::string> shut_gates(const RunStage& stage,
                                    int64_t step,
                                    const std::filesystem::path& metrics_file) {
  std::vector<std::string> shut;
  if (stage.gates.empty()) return shut;
  const Json last = find_evaluation(metrics_file, step).value_or(Json::object());
  for (const Gate& gate : stage.gates) {
    if (!last.contains(gate.metric)) {
      shut.push_back(gate.metric + " was not measured at step " + std::to_string(step) + " (" +
                     metrics_file.string() + ")");
      continue;
    }
    const double found = number_of(last.at(gate.metric));
    const std::string says =
        gate.metric + " is " + (std::isnan(found) ? "not finite" : format_number(found));
    if (gate.at_most && !(found <= *gate.at_most)) {
      shut.push_back(says + ", at most " + format_number(*gate.at_most) + " is asked for");
    }
    if (gate.at_least && !(found >= *gate.at_least)) {
      shut.push_back(says + ", at least " + format_number(*gate.at_least) + " is asked for");
    }
  }
  return shut;
}

}  // namespace ropewalk
