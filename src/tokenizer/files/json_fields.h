// Reading members of tokenizer.json's objects, missing ones included.
#pragma once

#include <optional>
#include <string>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"

namespace ropewalk::tokenization {

// The member, or null when it is missing or `object` is none.
const Json& member(const Json& object, const char* key);

// The text of the member `type`; empty when there is none.
std::string type_of(const Json& object);

// The member where it is true or false, else `otherwise`.
bool flag(const Json& object, const char* key, bool otherwise);

// The member where it has that type; else nothing and an error at `path`.`key`.
std::optional<std::string> text_field(const Json& object,
                                      const char* key,
                                      const std::string& path,
                                      Diagnostics& diagnostics);
std::optional<bool> flag_field(const Json& object,
                               const char* key,
                               const std::string& path,
                               Diagnostics& diagnostics);
// A whole number that can be an id, else nothing.
std::optional<int32_t> token_id(const Json& value);
// A text of exactly one character.
std::optional<std::string> character_field(const Json& object,
                                           const char* key,
                                           const std::string& path,
                                           Diagnostics& diagnostics);

}  // namespace ropewalk::tokenization
