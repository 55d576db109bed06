// Names out of untrusted files, made safe and short for messages.
#pragma once

#include <string>
#include <string_view>

namespace ropewalk {

// Control characters and invalid UTF-8 as \xNN; about `max_bytes` of the name.
std::string printable(std::string_view name, size_t max_bytes = 160);

}  // namespace ropewalk
