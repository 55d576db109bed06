#include "ropewalk/formats/markup.h"

#include "ropewalk/base/utf8.h"

namespace ropewalk {

std::string escape_markup(std::string_view text) {
  std::string escaped;
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_sequence_length(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || byte == 0x7f || (byte < 0x20 && byte != '\n' && byte != '\t')) {
      escaped += "\xef\xbf\xbd";  // U+FFFD
      ++at;
      continue;
    }
    switch (text[at]) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\n':
      case '\t':
        escaped += ' ';
        break;
      default: {
        const std::string_view character = text.substr(at, length);
        // Not characters in XML.
        const bool is_noncharacter = character == "\xef\xbf\xbe" || character == "\xef\xbf\xbf";
        escaped += is_noncharacter ? std::string_view("\xef\xbf\xbd") : character;
      }
    }
    at += length;
  }
  return escaped;
}

}  // namespace ropewalk
