#include "ropewalk/config/overrides.h"

#include <algorithm>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

Json value_from_text(const std::string& text) {
  try {
    return parse_json(text, "--set");
  } catch (const ConfigError&) {
    return text;
  }
}

// What is not could neither be stored nor told.
bool is_utf8(const std::string& text) {
  try {
    Json(text).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

void assign(Json& config, const std::string& assignment, Diagnostics& diagnostics) {
  if (!is_utf8(assignment)) {
    constexpr auto kReplace = Json::error_handler_t::replace;
    return diagnostics.error("--set " + Json(assignment).dump(-1, ' ', false, kReplace),
                             "found bytes that are no UTF-8 text");
  }
  const std::string where = "--set " + assignment;
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos) {
    return diagnostics.error(where, "found no '=', expected a.b=value");
  }
  const std::vector<std::string> keys = split(assignment.substr(0, equals), '.');
  if (std::any_of(keys.begin(), keys.end(), [](const std::string& key) { return key.empty(); })) {
    return diagnostics.error(where, "found an empty key, expected section.key=value");
  }
  Json* target = &config;
  std::string path;
  for (const std::string& key : keys) {
    if (!target->is_object()) {
      return diagnostics.error(
          where,
          "cannot set a key inside \"" + path + "\": it holds " +
              (target->is_array() ? "a list; give the whole list, such as " + path + "=[1,2]"
                                  : "the value " + target->dump()));
    }
    path += (path.empty() ? "" : ".") + key;
    target = &(*target)[key];
    if (target->is_null() && &key != &keys.back()) *target = Json::object();
  }
  *target = value_from_text(assignment.substr(equals + 1));
}

}  // namespace

Json apply_overrides(Json config, const std::vector<std::string>& assignments) {
  if (assignments.empty()) return config;
  Diagnostics diagnostics;
  if (!config.is_object()) {
    throw ConfigError("--set: the config is not a JSON object, nothing can be set in it");
  }
  for (const std::string& assignment : assignments) assign(config, assignment, diagnostics);
  diagnostics.throw_if_errors<ConfigError>("command line");
  return config;
}

}  // namespace ropewalk
