#include "tokenizer/bpe/byte_alphabet.h"

#include <array>

namespace ropewalk::tokenization {
namespace {

constexpr int kAlphabetEnd = 256 + 68;  // one past the largest code point in use

bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<std::string, 256> symbols;
  std::array<int, kAlphabetEnd> bytes;  // by code point; -1 outside the alphabet
};

Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.bytes.fill(-1);
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const int code = stands_for_itself(byte) ? byte : next++;
    alphabet.bytes[code] = byte;
    std::string& symbol = alphabet.symbols[byte];
    if (code < 0x80) {
      symbol = {static_cast<char>(code)};
    } else {
      symbol = {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
    }
  }
  return alphabet;
}

const Alphabet& alphabet() {
  static const Alphabet instance = make_alphabet();
  return instance;
}

}  // namespace

std::string_view symbol_of_byte(uint8_t byte) { return alphabet().symbols[byte]; }

std::optional<std::string> bytes_of_symbols(std::string_view token) {
  std::string bytes;
  bytes.reserve(token.size());
  for (size_t i = 0; i < token.size(); ++i) {
    int code = static_cast<uint8_t>(token[i]);
    if (code >= 0x80) {
      // Every character of the alphabet beyond ASCII is two bytes long, led by 0xC2..0xC5.
      if (code < 0xC2 || code > 0xC5 || i + 1 >= token.size()) return std::nullopt;
      code = ((code & 0x1F) << 6) | (static_cast<uint8_t>(token[++i]) & 0x3F);
    }
    if (code >= kAlphabetEnd || alphabet().bytes[code] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(alphabet().bytes[code]));
  }
  return bytes;
}

}  // namespace ropewalk::tokenization
