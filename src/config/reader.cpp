#include "ropewalk/config/reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr size_t kMaxShownBytes = 80;
// Above 2^53 a double no longer names one integer.
constexpr double kLargestExactInteger = 9007199254740992.0;

std::string shortened(std::string text) {
  if (text.size() <= kMaxShownBytes) return text;
  size_t end = kMaxShownBytes;
  // Not within a UTF-8 sequence.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string dumped(const Json& json) {
  return shortened(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string found_text(const Json& json) {
  if (json.is_string()) return "the string " + dumped(json);
  if (json.is_number_float() && !std::isfinite(json.get<double>())) {
    return std::isnan(json.get<double>()) ? "NaN" : "an infinite number";
  }
  if (json.is_number_float()) return "the number " + format_number(json.get<double>());
  if (json.is_number()) return "the number " + dumped(json);
  if (json.is_array()) return json.empty() ? "an empty list" : "the list " + dumped(json);
  if (json.is_object()) return "an object";
  return dumped(json);
}

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7F; }

// Text from the command line may hold any bytes; a resolved config can keep UTF-8 only.
bool is_utf8(const Json& text) {
  try {
    text.dump(-1, ' ', false, Json::error_handler_t::strict);
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

// What to do about a string where a number is wanted.
std::string number_hint(const Json& json) {
  if (!json.is_string()) return "";
  const std::string& text = json.get_ref<const std::string&>();
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || rest != end) return "";
  if (error != std::errc{} || !std::isfinite(value)) return "It must be finite.";
  return "Write it without quotes.";
}

bool within_bounds(double value, const Rules& rules) {
  for (const Rule& rule : rules) {
    if (rule.kind == RuleKind::kGreaterThan && !(value > rule.bound)) return false;
    if (rule.kind == RuleKind::kAtLeast && !(value >= rule.bound)) return false;
    if (rule.kind == RuleKind::kLessThan && !(value < rule.bound)) return false;
    if (rule.kind == RuleKind::kAtMost && !(value <= rule.bound)) return false;
  }
  return true;
}

std::optional<int64_t> as_integer(const Json& json) {
  if (json.is_number_unsigned() && json.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    return std::nullopt;
  }
  if (json.is_number_integer()) return json.get<int64_t>();
  if (!json.is_number_float()) return std::nullopt;
  const double value = json.get<double>();
  if (!(std::abs(value) <= kLargestExactInteger) || value != std::trunc(value)) return std::nullopt;
  return static_cast<int64_t>(value);
}

bool is_plain_name(const std::string& key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string last_part(const std::string& path) { return path.substr(path.rfind('.') + 1); }

}  // namespace

bool is_sound(const Diagnostics& found, const std::vector<std::string>& keys) {
  const auto concerns = [](const std::string& key, const std::string& where) {
    const bool at_or_below = where == key || where.starts_with(key + ".");
    return at_or_below || key.starts_with(where + ".") || where == kWholeDocument;
  };
  return std::none_of(found.errors().begin(), found.errors().end(), [&](const auto& item) {
    return std::any_of(
        keys.begin(), keys.end(), [&](const auto& key) { return concerns(key, item.where); });
  });
}

std::string join_path(const std::string& parent, const std::string& key) {
  const std::string name = is_plain_name(key) ? shortened(key) : dumped(key);
  return parent.empty() ? name : parent + "." + name;
}

void FieldReader::fault(const Json& json, const Place& place, const std::string& hint) {
  std::string text =
      "found " + found_text(json) + ", expected " + expectation_text(place.type, place.rules);
  const Rule* advice = find_rule(place.rules, RuleKind::kAdvice);
  if (!hint.empty()) text += ". " + hint;
  if (advice != nullptr) text += (hint.empty() ? ". " : " ") + std::string(advice->text);
  diagnostics_.error(place.path, text);
}

void FieldReader::missing(const std::string& path, const Rules& rules, const ValueType& type) {
  diagnostics_.error(path,
                     "is missing and has no default, expected " + expectation_text(type, rules));
}

void FieldReader::read(const Json& json, const Place& place, bool& out) {
  if (!json.is_boolean()) {
    const bool quoted = json.is_string() && (json == "true" || json == "false");
    return fault(json, place, quoted ? "Write it without quotes." : "");
  }
  out = json.get<bool>();
}

void FieldReader::read(const Json& json, const Place& place, int64_t& out) {
  const std::optional<int64_t> value = as_integer(json);
  if (!value || !within_bounds(static_cast<double>(*value), place.rules)) {
    return fault(json, place, number_hint(json));
  }
  out = *value;
}

void FieldReader::read(const Json& json, const Place& place, double& out) {
  if (!json.is_number() || !std::isfinite(json.get<double>()) ||
      !within_bounds(json.get<double>(), place.rules)) {
    return fault(json, place, number_hint(json));
  }
  out = json.get<double>();
}

void FieldReader::read(const Json& json, const Place& place, std::string& out) {
  if (!json.is_string()) {
    return fault(json, place, json.is_primitive() ? "Write it in double quotes." : "");
  }
  const std::string& text = json.get_ref<const std::string&>();
  const std::vector<std::string> choices = choices_of(place.type, place.rules);
  const bool chosen =
      choices.empty() || std::find(choices.begin(), choices.end(), text) != choices.end();
  if (!chosen || (text.empty() && find_rule(place.rules, RuleKind::kNotEmpty))) {
    return fault(json, place);
  }
  if (text.find('\0') != std::string::npos || !is_utf8(json)) {
    return fault(json, place, "It must be UTF-8 without NUL characters.");
  }
  if (find_rule(place.rules, RuleKind::kPath) &&
      std::any_of(text.begin(), text.end(), is_control)) {
    return fault(json, place, "A path has no line ends and other control characters.");
  }
  out = text;
}

bool FieldReader::is_list(const Json& json, const Place& place) {
  const bool good = json.is_array() && (place.type.length == 0 || json.size() == place.type.length);
  if (good) return true;
  const bool one_value = json.is_primitive() && !json.is_null() && place.type.length == 0;
  fault(json, place, one_value ? "Write [" + dumped(json) + "] for one value." : "");
  return false;
}

bool FieldReader::is_object(const Json& json, const std::string& path) {
  if (json.is_object()) return true;
  diagnostics_.error(path.empty() ? kWholeDocument : path,
                     "found " + found_text(json) + ", expected an object { ... }");
  return false;
}

void FieldReader::refuse_unknown_keys(const Json& json,
                                      const std::string& path,
                                      const std::vector<std::string>& names) {
  for (const auto& [key, value] : json.items()) {
    if (std::find(names.begin(), names.end(), key) != names.end()) continue;
    std::vector<std::string> elsewhere;
    for (const std::string& candidate : value_paths_) {
      if (last_part(candidate) == key) elsewhere.push_back(candidate);
    }
    std::string text = "unknown key";
    if (!elsewhere.empty()) {
      text += " here; known elsewhere: " + join(elsewhere, ", ");
    } else if (const auto nearest = nearest_name(key, names)) {
      text += "; did you mean \"" + *nearest + "\"?";
    } else {
      text += "; known here: " + join(names, ", ");
    }
    diagnostics_.error(join_path(path, key), text);
  }
}

}  // namespace ropewalk
