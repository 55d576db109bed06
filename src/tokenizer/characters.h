// Classes of single characters, and steps through UTF-8 that was checked before.
#pragma once

#include <cstdint>
#include <string_view>

namespace ropewalk::tokenization {

// The code point that begins at text[0] and its length in bytes; text is not empty.
struct CodePoint {
  int32_t value;
  size_t size;
};
CodePoint first_code_point(std::string_view text);
CodePoint last_code_point(std::string_view text);

bool is_number(int32_t code_point);  // categories Nd, Nl, No
bool is_white_space(int32_t code_point);

// Whether the nearest character is one of words: letter, mark, digit or connector.
bool starts_with_word(std::string_view text);
bool ends_with_word(std::string_view text);

// Bytes of white space at the begin or end.
size_t leading_space(std::string_view text);
size_t trailing_space(std::string_view text);

}  // namespace ropewalk::tokenization
