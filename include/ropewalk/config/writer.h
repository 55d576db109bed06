// Declared fields -> JSON, defaults included. Reading the result gives an equal struct.
#pragma once

#include "ropewalk/base/json.h"
#include "ropewalk/config/fields.h"

namespace ropewalk {

template <HasFields T>
Json to_json(const T& value);

// Null when an optional has no value.
template <typename T>
Json value_to_json(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return std::string(enum_name(value));
  } else if constexpr (HasFields<T>) {
    return to_json(value);
  } else {
    return Json(value);
  }
}

template <typename T>
Json value_to_json(const std::optional<T>& value) {
  return value ? value_to_json(*value) : Json(nullptr);
}

// Every field in order of declaration; an optional without a value is left out.
template <HasFields T>
Json to_json(const T& value) {
  Json object = Json::object();
  for_each_field<T>([&](const auto& field) {
    Json member = value_to_json(value.*field.member);
    if (!member.is_null()) object[std::string(field.name)] = std::move(member);
  });
  return object;
}

}  // namespace ropewalk
