#include "formats/printable.h"

#include "ropewalk/base/utf8.h"

namespace ropewalk {

std::string printable(std::string_view name, size_t max_bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  size_t at = 0;
  while (at < name.size() && at < max_bytes) {
    const auto byte = static_cast<unsigned char>(name[at]);
    const size_t length = utf8_sequence_length(name, at);
    if (length != 0 && byte >= 0x20 && byte != 0x7f) {
      text += name.substr(at, length);
      at += length;
    } else {
      text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
      ++at;
    }
  }
  if (at < name.size()) text += "... (" + std::to_string(name.size()) + " bytes)";
  return text;
}

}  // namespace ropewalk
