#include "data/chat/answer_tokens.h"

#include <algorithm>

#include "ropewalk/base/errors.h"

namespace ropewalk {

TokenPlaces::TokenPlaces(const Tokenizer& tokenizer,
                         std::span<const FixedToken> fixed,
                         std::string_view text,
                         std::span<const int32_t> ids)
    : tokenizer_(tokenizer), text_(text), ids_(ids) {
  for (const FixedToken& token : fixed) {
    std::vector<size_t> at;
    for (size_t found = text.find(token.text); found != std::string_view::npos;
         found = text.find(token.text, found + token.text.size())) {
      at.push_back(found);
    }
    size_t next = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] != token.id) continue;
      if (next < at.size()) places_.push_back({at[next], at[next] + token.text.size(), i, &token});
      ++next;
    }
    if (next != at.size()) {
      throw DataError("the tokenizer does not read every '" + token.text +
                      "' of the conversation as that one token, so it cannot be used with this "
                      "form");
    }
  }
  std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
    return a.begin < b.begin;
  });
}

const TokenPlaces::Place* TokenPlaces::last_place_before(size_t position) const {
  const auto after = std::partition_point(
      places_.begin(), places_.end(), [&](const Place& place) { return place.end <= position; });
  return after == places_.begin() ? nullptr : &*std::prev(after);
}

std::vector<int32_t> TokenPlaces::encode_after(const FixedToken* fixed,
                                               std::string_view text) const {
  // Behind a token as in the text itself: some tokenizers treat a text's beginning differently.
  std::vector<int32_t> ids =
      tokenizer_.encode((fixed != nullptr ? fixed->text : "") + std::string(text));
  if (fixed != nullptr) ids.erase(ids.begin());
  return ids;
}

size_t TokenPlaces::decoded_bytes(const FixedToken* fixed, std::span<const int32_t> ids) const {
  std::vector<int32_t> all(ids.begin(), ids.end());
  size_t skipped = 0;
  if (fixed != nullptr) {
    all.insert(all.begin(), fixed->id);
    skipped = tokenizer_.decode({all.data(), 1}, false).size();
  }
  const std::string text = tokenizer_.decode(all, false);
  // The rest of a character that was cut belongs to what stands before.
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  while (std::string_view(text).substr(skipped).starts_with(kReplacement)) {
    skipped += kReplacement.size();
  }
  return text.size() - skipped;
}

size_t TokenPlaces::token_at(size_t position) const {
  const Place* place = last_place_before(position);
  const FixedToken* fixed = place != nullptr ? place->fixed : nullptr;
  const size_t text_begin = place != nullptr ? place->end : 0;
  const size_t first = place != nullptr ? place->token + 1 : 0;
  const Place* end = place != nullptr ? place + 1 : places_.data();
  const bool has_end = end != places_.data() + places_.size();
  const size_t last = has_end ? end->token : ids_.size();
  const size_t text_end = has_end ? end->begin : text_.size();

  const auto ids = ids_.subspan(first, last - first);
  const auto before = encode_after(fixed, text_.substr(text_begin, position - text_begin));
  const auto [differs, unused] =
      std::mismatch(before.begin(), before.end(), ids.begin(), ids.end());
  size_t token = static_cast<size_t>(differs - before.begin());
  if (token == before.size()) return first + token;
  // The tokens run across the position: the one wanted is the last behind which less than the
  // whole text from `position` on remains.
  const size_t wanted =
      decoded_bytes(fixed, encode_after(fixed, text_.substr(position, text_end - position)));
  while (token + 1 < ids.size() && decoded_bytes(fixed, ids.subspan(token + 1)) >= wanted) ++token;
  return first + token;
}

size_t TokenPlaces::behind_fixed(size_t position) const {
  const Place* place = last_place_before(position);
  ROPEWALK_CHECK(place != nullptr && place->end == position, "no fixed token ends here");
  return place->token + 1;
}

}  // namespace ropewalk
