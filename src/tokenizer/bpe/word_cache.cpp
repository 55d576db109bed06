#include "tokenizer/bpe/word_cache.h"

#include <cstring>

namespace ropewalk::tokenization {

WordCache::Key WordCache::key_of(std::string_view word) {
  Key key{};
  std::memcpy(key.data(), word.data(), word.size());
  key[2] |= static_cast<uint64_t>(word.size()) << 56;
  return key;
}

size_t WordCache::index_of(const Key& key) {
  uint64_t hash = key[0] * 0x9E3779B97F4A7C15ull;
  hash = (hash ^ (hash >> 32) ^ key[1]) * 0xC2B2AE3D27D4EB4Full;
  hash = (hash ^ (hash >> 29) ^ key[2]) * 0x9E3779B97F4A7C15ull;
  return (hash ^ (hash >> 31)) & (kSlots - 1);
}

}  // namespace ropewalk::tokenization
