// The text that ids add to the text of the ids before them.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "tokenizer/codec.h"

namespace ropewalk::tokenization {

// See Tokenizer::decode_continuation.
std::string decode_continuation(const Codec& codec,
                                std::span<const int32_t> before,
                                std::span<const int32_t> ids,
                                bool skip_special);

}  // namespace ropewalk::tokenization
