// Tokens that a checkpoint adds beside a tokenizer.model, in tokenizer_config.json
// (`added_tokens_decoder`) and added_tokens.json.
#pragma once

#include <filesystem>

#include "ropewalk/base/diagnostics.h"
#include "tokenizer/codec.h"

namespace ropewalk::tokenization {

// A fault for each of them that the file itself does not hold under that id: such tokens are cut
// out of a text by other programs before SentencePiece sees it, which is not done here.
void check_config_tokens(const std::filesystem::path& folder,
                         const Codec& codec,
                         Diagnostics& diagnostics);

}  // namespace ropewalk::tokenization
