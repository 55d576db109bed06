#include "tokenizer/files/json_fields.h"

#include <limits>

#include "tokenizer/unicode/characters.h"

namespace ropewalk::tokenization {

const Json& member(const Json& object, const char* key) {
  static const Json null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

std::string type_of(const Json& object) {
  const Json& type = member(object, "type");
  return type.is_string() ? type.get<std::string>() : "";
}

bool flag(const Json& object, const char* key, bool otherwise) {
  const Json& value = member(object, key);
  return value.is_boolean() ? value.get<bool>() : otherwise;
}

std::optional<std::string> text_field(const Json& object,
                                      const char* key,
                                      const std::string& path,
                                      Diagnostics& diagnostics) {
  const Json& value = member(object, key);
  if (value.is_string()) return value.get<std::string>();
  diagnostics.error(path + "." + key, "found " + value.dump() + "; expected a text");
  return std::nullopt;
}

std::optional<bool> flag_field(const Json& object,
                               const char* key,
                               const std::string& path,
                               Diagnostics& diagnostics) {
  const Json& value = member(object, key);
  if (value.is_boolean()) return value.get<bool>();
  diagnostics.error(path + "." + key, "found " + value.dump() + "; expected true or false");
  return std::nullopt;
}

std::optional<int32_t> token_id(const Json& value) {
  if (!value.is_number_integer() || value > std::numeric_limits<int32_t>::max() || value < 0) {
    return std::nullopt;
  }
  return value.get<int32_t>();
}

std::optional<std::string> character_field(const Json& object,
                                           const char* key,
                                           const std::string& path,
                                           Diagnostics& diagnostics) {
  const Json& value = member(object, key);
  if (value.is_string()) {
    const std::string text = value.get<std::string>();
    if (!text.empty() && first_code_point(text).size == text.size()) return text;
  }
  diagnostics.error(path + "." + key,
                    "found " + value.dump() + "; expected a text of one character");
  return std::nullopt;
}

}  // namespace ropewalk::tokenization
