// tiktoken's vocabulary files: one line "BASE64 RANK" for each token, the rank being its id. Merges
// are implied: any two tokens merge whose bytes together are a token, in the order of its rank.
#pragma once

#include <string>
#include <string_view>

#include "tokenizer/codec.h"

namespace ropewalk::tokenization {

// Whether the first line is one of such a file.
bool is_tiktoken_file(std::string_view text);

// Throws DataError listing the faults; also for vocabularies whose pattern and special tokens are
// not known (llama_tokens.h). `source` names the text in messages.
LoadedCodec load_tiktoken_codec(std::string_view text, const std::string& source);

}  // namespace ropewalk::tokenization
