#include <algorithm>
#include <map>

#include "report/sections.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr const char* kNotSet = "not set";

using FlatConfig = std::vector<std::pair<std::string, std::string>>;  // "train.steps", "40"

// "[0.9, 0.95]": with spaces, at which narrow columns break.
std::string value_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::vector<std::string> parts;
  for (const Json& part : value) parts.push_back(part.dump());
  return "[" + join(parts, ", ") + "]";
}

// In the config's order. Lists are values.
void flatten(const Json& json, const std::string& path, FlatConfig& flat) {
  if (!json.is_object()) {
    flat.emplace_back(path, value_text(json));
    return;
  }
  for (const auto& [key, value] : json.items()) {
    flatten(value, path.empty() ? key : path + "." + key, flat);
  }
}

FlatConfig flattened(const Json& config) {
  FlatConfig flat;
  flatten(config, "", flat);
  return flat;
}

// One row for each key whose values are not all the same, in order of first appearance.
std::vector<std::vector<std::string>> differences(const std::vector<FlatConfig>& configs) {
  std::vector<std::string> keys;
  std::map<std::string, std::vector<std::string>> values;
  for (size_t i = 0; i < configs.size(); ++i) {
    for (const auto& [key, value] : configs[i]) {
      const auto [place, is_new] =
          values.try_emplace(key, std::vector<std::string>(configs.size(), kNotSet));
      if (is_new) keys.push_back(key);
      place->second[i] = value.empty() ? "\"\"" : value;
    }
  }
  std::vector<std::vector<std::string>> rows;
  for (const std::string& key : keys) {
    const std::vector<std::string>& row = values[key];
    if (std::adjacent_find(row.begin(), row.end(), std::not_equal_to<>()) == row.end()) continue;
    rows.push_back({key});
    rows.back().insert(rows.back().end(), row.begin(), row.end());
  }
  return rows;
}

}  // namespace

ReportSection config_section(const ReportInput& input) {
  const bool is_single = input.runs.size() == 1;
  ReportSection section{.id = "config", .title = "Config"};
  ReportTable table;
  table.header = {"Setting"};
  std::vector<FlatConfig> configs;
  for (const RunRecord& run : input.runs) {
    table.header.push_back(run.name);
    configs.push_back(flattened(run.config));
  }
  if (is_single) {
    table.header.emplace_back("Default");
    configs.push_back(flattened(input.default_config));
  }
  table.rows = differences(configs);
  if (table.rows.empty()) {
    section.missing = is_single ? "Every setting has its default." : "No setting differs.";
    return section;
  }
  section.remarks = {is_single ? "The settings that are not the defaults."
                               : "The settings in which the runs differ."};
  section.tables = {table};
  return section;
}

}  // namespace ropewalk
