// Where the Unicode tables of `tokenizers` 0.23 differ from utf8proc's (Unicode 15): ids must be
// the ones that a model was trained with, so its tables count. Found by comparing all code points.
#pragma once

#include <cstdint>

namespace ropewalk::tokenization {

// Numbers of Unicode 16, known to its `Digits`.
bool is_newer_number(int32_t code_point);

// Marks and compositions younger than the tables of its NFC (Unicode 9), which takes them for
// characters that neither move nor compose.
bool is_inert_in_nfc(int32_t code_point);

}  // namespace ropewalk::tokenization
