// Classes of single characters, and steps through UTF-8 that was checked before.
#pragma once

#include <cstdint>
#include <string>
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
bool is_punctuation(int32_t code_point);  // and the symbols of ASCII
bool is_accent(int32_t code_point);       // marks
int32_t small_letter(int32_t code_point);

// What \w means to the expressions of `tokenizers` itself, to stand within a class.
std::string word_class();

// Whether the nearest character is one of words: letter, mark, digit or connector.
bool starts_with_word(std::string_view text);
bool ends_with_word(std::string_view text);

// Bytes of white space at the begin or end.
size_t leading_space(std::string_view text);
size_t trailing_space(std::string_view text);

}  // namespace ropewalk::tokenization
