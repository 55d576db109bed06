// Well-formed UTF-8: table 3-7 of the Unicode standard. No overlong forms, no surrogates, nothing
// above U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace ropewalk {

// Bytes of the valid sequence at `at`, 0 when there is none.
size_t utf8_sequence_length(std::string_view text, size_t at);

// Byte offset of the first invalid sequence, or text.size() when all of it is UTF-8.
size_t first_invalid_utf8(std::string_view text);

}  // namespace ropewalk
