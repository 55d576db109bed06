// The 256 printable characters with which byte-level vocabularies write bytes (GPT-2, Radford et
// al. 2019): printable Latin-1 stands for itself, the 68 other bytes for U+0100 onwards in order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ropewalk::tokenization {

// The character of one byte, as UTF-8 (one or two bytes).
std::string_view symbol_of_byte(uint8_t byte);

// "Ġthe" -> " the"; nothing when the token holds a character outside the alphabet.
std::optional<std::string> bytes_of_symbols(std::string_view token);

}  // namespace ropewalk::tokenization
