// Normalization forms of Unicode, with the tables that `tokenizers` has.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ropewalk::tokenization {

struct UnicodeForm {
  bool compatibility = false;  // NFKC, NFKD
  bool composed = true;        // NFC, NFKC
};

// Appends the form of `text` to `out`. Time is linear up to the sorting of marks.
void append_form(UnicodeForm form, std::string_view text, std::string& out);

// Appends one character.
void append_utf8(int32_t code_point, std::string& out);

}  // namespace ropewalk::tokenization
