#include "formats/printable.h"

namespace ropewalk {

std::string printable(std::string_view name, size_t max_bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : name.substr(0, max_bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      text += c;
    } else {
      text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  if (name.size() > max_bytes) text += "... (" + std::to_string(name.size()) + " bytes)";
  return text;
}

}  // namespace ropewalk
