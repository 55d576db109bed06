#include "tokenizer/unicode/characters.h"

#include <utf8proc.h>

#include <cctype>

#include "tokenizer/pipeline/regex.h"
#include "tokenizer/unicode/unicode_versions.h"

namespace ropewalk::tokenization {
namespace {

// Properties that utf8proc has no table for.
bool is_word(std::string_view character) {
  static const Regex word(std::string("[").append(word_class()).append("]"));
  MatchScratch scratch;
  Match match;
  return word.find(character, 0, scratch, match);
}

bool is_continuation(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

}  // namespace

CodePoint first_code_point(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  int32_t value = lead & (0x7F >> size);
  for (size_t i = 1; i < size; ++i) value = value << 6 | (static_cast<uint8_t>(text[i]) & 0x3F);
  return {value, size};
}

CodePoint last_code_point(std::string_view text) {
  size_t begin = text.size() - 1;
  while (begin > 0 && is_continuation(text[begin])) --begin;
  return first_code_point(text.substr(begin));
}

bool is_number(int32_t code_point) {
  if (code_point < 0x80) return code_point >= '0' && code_point <= '9';
  const utf8proc_category_t category = utf8proc_category(code_point);
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
         category == UTF8PROC_CATEGORY_NO || is_newer_number(code_point);
}

bool is_white_space(int32_t code_point) {
  if (code_point < 0x80) return code_point == ' ' || (code_point >= '\t' && code_point <= '\r');
  if (code_point == 0x85) return true;
  const utf8proc_category_t category = utf8proc_category(code_point);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

bool is_punctuation(int32_t code_point) {
  if (code_point < 0x80) return std::ispunct(code_point) != 0;
  // Canadian syllabics' full stop and Sharada's sandhi mark were punctuation once.
  if (code_point == 0x166D || code_point == 0x111C9) return true;
  const utf8proc_category_t category = utf8proc_category(code_point);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO &&
         !is_newer_punctuation(code_point);
}

bool is_accent(int32_t code_point) {
  if (code_point < 0x300) return false;
  if (code_point == 0x1CF2 || code_point == 0x1CF3) return true;  // marks until Unicode 12
  const utf8proc_category_t category = utf8proc_category(code_point);
  return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME &&
         !is_newer_mark(code_point);
}

int32_t small_letter(int32_t code_point) {
  if (code_point < 0x80) {
    return code_point >= 'A' && code_point <= 'Z' ? code_point + ('a' - 'A') : code_point;
  }
  const int32_t small = utf8proc_tolower(code_point);
  return small != code_point ? small : newer_small_letter(code_point);
}

std::string word_class() {
  return std::string("\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}") + kNewerWordCharacters;
}

bool starts_with_word(std::string_view text) {
  return !text.empty() && is_word(text.substr(0, first_code_point(text).size));
}

bool ends_with_word(std::string_view text) {
  return !text.empty() && is_word(text.substr(text.size() - last_code_point(text).size));
}

size_t leading_space(std::string_view text) {
  size_t size = 0;
  while (size < text.size()) {
    const CodePoint next = first_code_point(text.substr(size));
    if (!is_white_space(next.value)) break;
    size += next.size;
  }
  return size;
}

size_t trailing_space(std::string_view text) {
  size_t size = 0;
  while (size < text.size()) {
    const CodePoint next = last_code_point(text.substr(0, text.size() - size));
    if (!is_white_space(next.value)) break;
    size += next.size;
  }
  return size;
}

}  // namespace ropewalk::tokenization
