#include "formats/svg_text.h"

#include <array>
#include <charconv>

#include "ropewalk/base/utf8.h"

namespace ropewalk {
namespace {

constexpr std::string_view kNarrow = " .,:;'|!ijl()[]ft/-I";
constexpr std::string_view kWide = "mwMW@%+=<>&";

// Widths in units of the font size, of DejaVu Sans, which is wider than most sans-serif faces.
double character_width(std::string_view character) {
  if (character.size() >= 3) return 1.0;  // East Asian, symbols, emoji
  if (character.size() == 2) return 0.8;
  const char c = character.front();
  if (kNarrow.find(c) != std::string_view::npos) return 0.38;
  if (kWide.find(c) != std::string_view::npos) return 0.95;
  return c >= 'A' && c <= 'Z' ? 0.74 : 0.63;
}

// Shortens a part of a long word to what ends with the last character that joins its parts; returns
// the rest, empty where nothing joins.
std::string cut_after_joint(std::string& part) {
  const size_t joint = part.find_last_of("-_/.");
  if (joint == std::string::npos) return "";
  const std::string rest = part.substr(joint + 1);
  part.resize(joint + 1);
  return rest;
}

}  // namespace

double text_width(std::string_view text, double font_px) {
  double width = 0.0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = std::max<size_t>(1, utf8_sequence_length(text, at));
    width += character_width(text.substr(at, length));
    at += length;
  }
  return width * font_px;
}

std::vector<std::string> wrap_text(std::string_view text, double font_px, double max_px) {
  std::vector<std::string> lines(1);
  for (size_t at = 0; at < text.size();) {
    // A word with the spaces before it.
    size_t end = text.find_first_not_of(' ', at);
    end = end == std::string_view::npos ? text.size() : std::min(text.find(' ', end), text.size());
    const std::string_view word = text.substr(at, end - at);
    at = end;
    if (text_width(lines.back() + std::string(word), font_px) <= max_px) {
      lines.back() += word;
      continue;
    }
    if (!lines.back().empty()) lines.emplace_back();
    const size_t start = std::min(word.find_first_not_of(' '), word.size());
    for (size_t i = start; i < word.size();) {
      const size_t length = std::max<size_t>(1, utf8_sequence_length(word, i));
      const std::string longer = lines.back() + std::string(word.substr(i, length));
      if (!lines.back().empty() && text_width(longer, font_px) > max_px) {
        lines.push_back(cut_after_joint(lines.back()));
      }
      lines.back() += word.substr(i, length);
      i += length;
    }
  }
  return lines;
}

std::string svg_number(double value) {
  std::array<char, 64> buffer;
  const auto end = std::to_chars(
      buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, 2);
  std::string text(buffer.data(), end.ptr);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

}  // namespace ropewalk
