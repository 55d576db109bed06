// Reading members of tokenizer.json's objects, missing ones included.
#pragma once

#include <string>

#include "ropewalk/base/json.h"

namespace ropewalk::tokenization {

// The member, or null when it is missing or `object` is none.
const Json& member(const Json& object, const char* key);

// The text of the member `type`; empty when there is none.
std::string type_of(const Json& object);

// The member where it is true or false, else `otherwise`.
bool flag(const Json& object, const char* key, bool otherwise);

}  // namespace ropewalk::tokenization
