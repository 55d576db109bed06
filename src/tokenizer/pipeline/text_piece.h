// A part of a text on its way through normalizer and pre-tokenizer.
#pragma once

#include <algorithm>
#include <string_view>

namespace ropewalk::tokenization {

struct TextPiece {
  std::string_view text;
  // How many leading bytes stem from the very first character of the text to encode. Metaspace with
  // prepend_scheme "first" asks for it: what stands after an added token never has any.
  size_t at_start = 0;

  // The part [begin, end).
  TextPiece part(size_t begin, size_t end) const {
    const size_t length = end - begin;
    return {text.substr(begin, length), at_start > begin ? std::min(at_start - begin, length) : 0};
  }
};

}  // namespace ropewalk::tokenization
