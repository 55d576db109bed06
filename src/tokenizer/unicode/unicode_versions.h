// Where the Unicode tables of `tokenizers` 0.23 differ from utf8proc's (Unicode 15): ids must be
// the ones that a model was trained with, so its tables count. Found by comparing all code points.
#pragma once

#include <cstdint>

namespace ropewalk::tokenization {

// Numbers of Unicode 16, known to its `Digits`.
bool is_newer_number(int32_t code_point);

// Marks, decompositions and compositions younger than the tables of its normalization forms
// (Unicode 9), which take them for characters that neither move nor change.
bool is_inert(int32_t code_point);
// Further ones, in the compatibility forms only.
bool is_inert_in_nfkc(int32_t code_point);

// Marks and punctuation younger than the tables of its StripAccents and Punctuation.
bool is_newer_mark(int32_t code_point);
bool is_newer_punctuation(int32_t code_point);

// The small letter of a capital one of Unicode 16 and 17, known to its Lowercase; others stay.
int32_t newer_small_letter(int32_t code_point);

// Characters of \w that PCRE2 does not know yet, as ranges to stand within a class.
extern const char* const kNewerWordCharacters;

}  // namespace ropewalk::tokenization
