// The compiled map of characters in a SentencePiece model's normalizer: a double-array trie in the
// layout of the Darts-clone library, then the texts that are put in.
#pragma once

#include <string_view>

namespace ropewalk::tokenization {

// Whether every walk that a text can take through the map stays inside it. libsentencepiece up to
// 0.2.0 follows it without looking, so that a crafted map makes it read beyond its memory.
bool is_sound_character_map(std::string_view bytes);

}  // namespace ropewalk::tokenization
