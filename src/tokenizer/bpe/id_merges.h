// The merges of vocabularies whose files list none: any two tokens make a third when that is what
// their texts make together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/files/tokenizer_file.h"

namespace ropewalk::tokenization {

using TokenIds = std::unordered_map<std::string_view, int32_t>;

// Empty, with room for so many.
TokenIds room_for_tokens(size_t count);

// In no order. `rank_of`: the rank of a token's merges, by its id.
std::vector<IdMerge> merges_within(const TokenIds& ids,
                                   const std::function<uint32_t(int32_t)>& rank_of);

}  // namespace ropewalk::tokenization
