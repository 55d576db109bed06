#include "ropewalk/rope/json_values.h"

#include <cmath>

#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

std::string found(const Json& value) { return "found " + value.dump(); }

}  // namespace

bool same_number(double a, double b) {
  return std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b));
}

bool JsonValues::is_object() const {
  if (object_.is_object()) return true;
  diagnostics_.error(where_, found(object_) + "; expected an object");
  return false;
}

const Json* JsonValues::find(const std::string& key) const {
  if (!object_.is_object()) return nullptr;
  const auto at = object_.find(key);
  return at == object_.end() || at->is_null() ? nullptr : &*at;
}

bool JsonValues::has(const std::string& key) const {
  return object_.is_object() && object_.contains(key);
}

std::optional<double> JsonValues::number(const std::string& key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_number() || !std::isfinite(value->get<double>())) {
    fault(key,
          found(*value) + "; expected a number" + (value->is_string() ? " without quotes" : ""));
    return std::nullopt;
  }
  return value->get<double>();
}

std::optional<int64_t> JsonValues::integer(const std::string& key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  // Some tools write lengths as 8192.0.
  const bool whole = value->is_number() && std::isfinite(value->get<double>()) &&
                     std::abs(value->get<double>()) < 9e15 &&
                     value->get<double>() == std::floor(value->get<double>());
  if (!whole) {
    fault(key, found(*value) + "; expected a whole number");
    return std::nullopt;
  }
  return value->get<int64_t>();
}

std::optional<std::string> JsonValues::text(const std::string& key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_string()) {
    fault(key, found(*value) + "; expected a string");
    return std::nullopt;
  }
  return value->get<std::string>();
}

std::optional<bool> JsonValues::boolean(const std::string& key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_boolean()) {
    fault(key, found(*value) + "; expected true or false");
    return std::nullopt;
  }
  return value->get<bool>();
}

std::vector<double> JsonValues::numbers(const std::string& key) const {
  const Json* value = find(key);
  if (!value) return {};
  std::vector<double> numbers;
  if (value->is_array()) {
    for (const Json& item : *value) {
      if (item.is_number() && std::isfinite(item.get<double>())) numbers.push_back(item);
    }
    if (!numbers.empty() && numbers.size() == value->size()) return numbers;
  }
  fault(key,
        (value->is_array() ? "holds something else than numbers" : found(*value)) +
            std::string("; expected a list of numbers"));
  return {};
}

template <typename T>
std::optional<T> JsonValues::require(const std::string& key, std::optional<T> value) const {
  if (!value && !find(key)) fault(key, "is missing");
  return value;
}

std::optional<double> JsonValues::required_number(const std::string& key) const {
  return require(key, number(key));
}

std::optional<int64_t> JsonValues::required_integer(const std::string& key) const {
  return require(key, integer(key));
}

std::optional<std::string> JsonValues::required_text(const std::string& key) const {
  return require(key, text(key));
}

void JsonValues::for_each(const std::string& key,
                          const std::function<void(const JsonValues&)>& visit) const {
  const Json* list = find(key);
  if (list == nullptr || !list->is_array()) {
    fault(key, "found " + (list ? quoted_text(list->dump()) : "none") + "; expected a list");
    return;
  }
  for (size_t i = 0; i < list->size(); ++i) {
    const JsonValues element((*list)[i], path(key) + "[" + std::to_string(i) + "]", diagnostics_);
    if (element.is_object()) visit(element);
  }
}

std::optional<double> JsonValues::number_above_zero(const std::string& key) const {
  const auto value = number(key);
  if (value && !(*value > 0.0)) {
    fault(key, "found " + format_number(*value) + "; expected a number > 0");
    return std::nullopt;
  }
  return value;
}

std::optional<int64_t> JsonValues::positive_integer(const std::string& key) const {
  const auto value = integer(key);
  if (value && *value < 1) {
    fault(key, "found " + std::to_string(*value) + "; expected a whole number >= 1");
    return std::nullopt;
  }
  return value;
}

void JsonValues::fault(const std::string& key, const std::string& text) const {
  diagnostics_.error(path(key), text);
}

void JsonValues::remark(const std::string& key, const std::string& text) const {
  diagnostics_.warning(path(key), text);
}

std::string JsonValues::path(const std::string& key) const {
  return where_.empty() ? key : where_ + "." + key;
}

}  // namespace ropewalk
