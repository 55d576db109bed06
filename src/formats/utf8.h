#pragma once

#include <cstddef>
#include <string_view>

namespace ropewalk {

// Bytes of the valid UTF-8 sequence at `at`, 0 when there is none.
size_t utf8_sequence_length(std::string_view text, size_t at);

}  // namespace ropewalk
