// `Metaspace` of tokenizer.json: spaces are written as a visible character, and one is put in front
// of a text. Both the pre-tokenizer and the decoder read it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "tokenizer/pipeline/text_piece.h"

namespace ropewalk::tokenization {

struct Metaspace {
  enum class Prepend { kAlways, kFirst, kNever };
  std::string replacement;  // one character
  Prepend prepend = Prepend::kAlways;
  bool split = true;  // cut before every replacement
};

// Nothing, and errors under `path`, where it is not understood. Older files say
// `add_prefix_space` (true: always, false: never) in place of `prepend_scheme`.
std::optional<Metaspace> read_metaspace(const Json& object,
                                        const std::string& path,
                                        Diagnostics& diagnostics);

// The text with its spaces written out, in `out`.
TextPiece write_spaces(const Metaspace& metaspace, TextPiece piece, std::string& out);

}  // namespace ropewalk::tokenization
