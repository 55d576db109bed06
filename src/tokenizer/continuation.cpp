#include "tokenizer/continuation.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace ropewalk::tokenization {
namespace {

constexpr size_t kFewIds = 16;
// A cut character is at most so many byte tokens short of its first.
constexpr size_t kMaxCutIds = 3;
constexpr std::string_view kReplacement = "\uFFFD";

std::string_view without_cut_end(std::string_view text) {
  while (text.ends_with(kReplacement)) text.remove_suffix(kReplacement.size());
  return text;
}

// The last ids of `before` that what follows depends on. They have text of their own, so nothing is
// taken off the front of what follows (Metaspace, Strip, SentencePiece's dummy prefix). That text
// is not merely U+FFFD, so they do not begin within a run of byte tokens that lasts to their end,
// which would decode otherwise than the whole run.
std::span<const int32_t> context_of(const Codec& codec,
                                    std::span<const int32_t> before,
                                    bool skip_special) {
  for (size_t size = kFewIds; size < before.size(); size *= 2) {
    const std::span<const int32_t> context = before.last(size);
    if (!without_cut_end(codec.decode(context, skip_special)).empty()) return context;
  }
  return before;
}

bool continues_character(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

// Length of the characters that both texts begin with.
size_t common_prefix(std::string_view a, std::string_view b) {
  const auto [end_a, end_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  size_t size = end_a - a.begin();
  while (size > 0 && size < b.size() && continues_character(b[size])) --size;
  return size;
}

}  // namespace

std::string decode_continuation(const Codec& codec,
                                std::span<const int32_t> before,
                                std::span<const int32_t> ids,
                                bool skip_special) {
  const std::span<const int32_t> context = context_of(codec, before, skip_special);
  std::vector<int32_t> all(context.begin(), context.end());
  all.insert(all.end(), ids.begin(), ids.end());
  const std::string text = codec.decode(all, skip_special);
  // Where `ids` complete a character, the text before it is that of fewer ids: the whole run of
  // byte tokens that the cut one ends reads otherwise without the rest.
  for (size_t cut = 0; cut <= std::min(kMaxCutIds, context.size()); ++cut) {
    const std::string front = codec.decode(context.first(context.size() - cut), skip_special);
    if (text.starts_with(front)) return text.substr(front.size());
  }
  return text.substr(common_prefix(codec.decode(context, skip_special), text));
}

}  // namespace ropewalk::tokenization
