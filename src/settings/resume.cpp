#include "ropewalk/settings/resume.h"

#include <algorithm>
#include <map>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/config/description.h"
#include "ropewalk/settings/run_config.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk {
namespace {

using Fields = std::vector<FieldDescription>;

// Values by path; null values (unset) left out.
void flatten(const Json& json, const std::string& path, std::map<std::string, Json>& values) {
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      flatten(value, path.empty() ? key : path + "." + key, values);
    }
  } else if (!json.is_null()) {
    values[path] = json;
  }
}

std::map<std::string, Json> flattened(const Json& json) {
  std::map<std::string, Json> values;
  flatten(json, "", values);
  return values;
}

Json value_or_null(const std::map<std::string, Json>& values, const std::string& path) {
  const auto found = values.find(path);
  return found == values.end() ? Json(nullptr) : found->second;
}

// The path itself and its sections: "a.b", "a".
template <typename Predicate>
bool any_level(std::string path, Predicate&& holds) {
  for (;;) {
    if (holds(path)) return true;
    const size_t dot = path.rfind('.');
    if (dot == std::string::npos) return false;
    path.resize(dot);
  }
}

bool may_change(const Fields& fields, const std::string& path) {
  return any_level(path, [&](const std::string& level) {
    const FieldDescription* field = find_field(fields, level);
    return field && find_rule(field->rules, RuleKind::kMayChangeOnResume);
  });
}

bool is_allowed(const std::vector<std::string>& allow_change, const std::string& path) {
  return any_level(path, [&](const std::string& level) {
    return std::find(allow_change.begin(), allow_change.end(), level) != allow_change.end();
  });
}

std::string shown(const Json& value) {
  if (value.is_null()) return "unset";
  return value.is_number_float() ? format_number(value.get<double>()) : value.dump();
}

// What the file of `model` says, without what is compared or decided elsewhere.
DecoderSpec comparable_spec(const HfModel& model) {
  Diagnostics ignored;
  DecoderSpec spec = model.family->from_hf(model.config, ignored).spec;
  spec.rope = {};
  spec.initializer_range = 0.0;
  return spec;
}

bool is_on_writing(const std::string& key) { return key == "dtype" || key == "torch_dtype"; }

void check_allow_change(const std::vector<std::string>& allow_change) {
  const Fields fields = describe<RunConfig>();
  Diagnostics d;
  for (const std::string& key : allow_change) {
    if (find_field(fields, key)) continue;
    const auto nearest = nearest_name(key, value_paths(fields));
    d.error("--allow-change " + key,
            nearest ? "unknown key; did you mean \"" + *nearest + "\"?"
                    : "unknown key, expected one such as optimizer.learning_rate");
  }
  d.throw_if_errors<ConfigError>("command line");
}

}  // namespace

std::vector<Difference> differences_on_resume(const Json& stored,
                                              const Json& now,
                                              const std::vector<std::string>& allow_change) {
  const Fields fields = describe<RunConfig>();
  std::map<std::string, Json> before = flattened(stored);
  const std::map<std::string, Json> after = flattened(now);
  // An older program's file lacks newer settings: it ran with what is their default now.
  before.merge(flattened(to_json(RunConfig{})));

  std::vector<std::string> paths = value_paths(fields);
  for (const auto& [path, value] : before) {
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
  }
  std::vector<Difference> differences;
  for (const std::string& path : paths) {
    Difference difference{path, value_or_null(before, path), value_or_null(after, path)};
    if (difference.stored == difference.now) continue;
    if (may_change(fields, path) || is_allowed(allow_change, path)) continue;
    differences.push_back(std::move(difference));
  }
  return differences;
}

void refuse_differences_on_resume(const Json& stored,
                                  const Json& now,
                                  const std::vector<std::string>& allow_change,
                                  const std::string& source) {
  check_allow_change(allow_change);
  Diagnostics d;
  for (const Difference& difference : differences_on_resume(stored, now, allow_change)) {
    d.error(difference.key,
            "the run was started with " + shown(difference.stored) + ", now it is " +
                shown(difference.now) + ". Change it back, give --allow-change " + difference.key +
                ", or start a new run in another train.run_dir");
  }
  d.throw_if_errors<ConfigError>(source);
}

void refuse_other_model(const HfModel& stored, const HfModel& now, const std::string& source) {
  if (comparable_spec(stored) == comparable_spec(now)) return;
  const std::map<std::string, Json> before = flattened(stored.config);
  const std::map<std::string, Json> after = flattened(now.config);
  std::map<std::string, Json> all = before;
  all.insert(after.begin(), after.end());
  Diagnostics d;
  for (const auto& [key, value] : all) {
    const Json was = value_or_null(before, key), is = value_or_null(after, key);
    if (was == is || is_on_writing(key)) continue;
    d.error(key,
            "the checkpoint's model has " + shown(was) + ", this run's has " + shown(is) +
                ". Name the model that the run was started with as model.pretrained, or start a "
                "new run in another train.run_dir");
  }
  d.throw_if_errors<ConfigError>(source);
}

}  // namespace ropewalk
