// SentencePiece's `.model` files (BPE, unigram and its other kinds), read by libsentencepiece,
// which also decodes, and encodes all but the usual form of BPE (PieceBpe).
#pragma once

#include <string>
#include <string_view>

#include "tokenizer/codec.h"

namespace ropewalk::tokenization {

// Ids and text are libsentencepiece's: user-defined symbols are found in the text, control symbols
// are not and decode to nothing, an unknown token decodes to the model's own surface for it. No ids
// are put around a text. Throws DataError; `source` names the bytes in messages.
LoadedCodec load_sentence_piece_codec(std::string_view bytes, const std::string& source);

}  // namespace ropewalk::tokenization
