#include "tokenizer/pipeline/decoder.h"

#include <algorithm>
#include <unordered_set>

#include "ropewalk/base/utf8.h"
#include "tokenizer/bpe/byte_alphabet.h"
#include "tokenizer/files/json_fields.h"

namespace ropewalk::tokenization {
namespace {

// Ids that leave more unused are a damaged file, not a vocabulary. Each takes memory.
constexpr int64_t kMaxUnusedIds = 1 << 20;

// Length of the longest prefix of `bytes` that could begin a character, at least 1; `whole` says
// whether it is one.
size_t prefix_length(std::string_view bytes, bool& whole) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t lead = at(0);
  whole = lead < 0x80;
  if (whole || lead < 0xC2 || lead > 0xF4) return 1;
  const size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte excludes overlong forms, surrogates and what lies beyond U+10FFFF.
  const uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  size_t length = 1;
  while (length < size && length < bytes.size()) {
    const uint8_t byte = at(length);
    if (length == 1 ? byte < low || byte > high : (byte & 0xC0) != 0x80) break;
    ++length;
  }
  whole = length == size;
  return length;
}

}  // namespace

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const size_t valid = first_invalid_utf8(bytes);
    text += bytes.substr(0, valid);
    bytes.remove_prefix(valid);
    if (bytes.empty()) break;
    bool whole = false;
    const size_t length = prefix_length(bytes, whole);
    text += whole ? bytes.substr(0, length) : std::string_view("\xEF\xBF\xBD");
    bytes.remove_prefix(length);
  }
  return text;
}

Decoder::Decoder(const TokenizerFile& file, const Normalizer& normalizer, Diagnostics& diagnostics)
    : steps_(member(file.root, "decoder"), diagnostics) {
  one_by_one_ = steps_.empty() || steps_.only_byte_level();
  int64_t largest = -1;
  for (const auto& [token, id] : file.vocab) largest = std::max(largest, id);
  for (const AddedToken& token : file.added_tokens) largest = std::max<int64_t>(largest, token.id);
  const auto num_tokens = static_cast<int64_t>(file.vocab.size() + file.added_tokens.size());
  if (largest >= num_tokens + kMaxUnusedIds) {
    diagnostics.error("model.vocab",
                      "the largest id is " + std::to_string(largest) + " among " +
                          std::to_string(num_tokens) + " tokens; expected at most " +
                          std::to_string(kMaxUnusedIds) + " unused ids");
    return;
  }
  // `tokenizers` tells special tokens by their text, and shows normalized ones as they are sought.
  std::unordered_set<std::string> special;
  for (const AddedToken& token : file.added_tokens) {
    if (token.special) special.insert(token.content);
  }
  tokens_.resize(largest + 1);
  const auto set = [&](int64_t id, const std::string& content) {
    if (id < 0) return;
    const bool bytes = steps_.only_byte_level();
    tokens_[id] = {true,
                   special.contains(content),
                   bytes ? bytes_of_symbols(content).value_or(content) : content};
  };
  for (const auto& [token, id] : file.vocab) set(id, token);
  NormalizerScratch scratch;
  for (const AddedToken& token : file.added_tokens) {
    const TextPiece shown =
        token.normalized ? normalizer.apply({token.content}, scratch) : TextPiece{token.content};
    set(token.id, std::string(shown.text));
  }
}

std::string Decoder::decode(std::span<const int32_t> ids, bool skip_special) const {
  std::string bytes;
  std::vector<std::string> tokens;
  bool first = true;
  for (const int32_t id : ids) {
    if (id < 0 || id >= num_ids() || !tokens_[id].known) continue;
    const Token& token = tokens_[id];
    if (token.special && skip_special) continue;
    if (!one_by_one_) {
      tokens.push_back(token.bytes);
      continue;
    }
    if (steps_.empty() && !first) bytes += ' ';
    bytes += token.bytes;
    first = false;
  }
  return one_by_one_ ? replace_invalid_utf8(bytes) : steps_.decode(std::move(tokens));
}

}  // namespace ropewalk::tokenization
