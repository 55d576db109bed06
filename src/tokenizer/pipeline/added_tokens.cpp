#include "tokenizer/pipeline/added_tokens.h"

#include <algorithm>

#include "tokenizer/unicode/characters.h"

namespace ropewalk::tokenization {

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& token) { return token.content.empty(); });
  std::stable_sort(tokens_.begin(), tokens_.end(), [](const AddedToken& a, const AddedToken& b) {
    return a.content < b.content;
  });
  tokens_.erase(
      std::unique(tokens_.begin(),
                  tokens_.end(),
                  [](const AddedToken& a, const AddedToken& b) { return a.content == b.content; }),
      tokens_.end());
  for (const AddedToken& token : tokens_) {
    first_bytes_[static_cast<uint8_t>(token.content[0])] = true;
  }
}

// Narrows the sorted list byte by byte; a token that ends at a depth is the first of its range.
const AddedToken* AddedTokenMatcher::longest_at(std::string_view text) const {
  const AddedToken* longest = nullptr;
  auto first = tokens_.begin();
  auto last = tokens_.end();
  for (size_t depth = 0; depth < text.size(); ++depth) {
    const auto byte = static_cast<uint8_t>(text[depth]);
    const auto at = [depth](const AddedToken& token) {
      return static_cast<uint8_t>(token.content[depth]);
    };
    first = std::partition_point(first, last, [&](const AddedToken& t) { return at(t) < byte; });
    last = std::partition_point(first, last, [&](const AddedToken& t) { return at(t) == byte; });
    if (first == last) return longest;
    if (first->content.size() == depth + 1) {
      longest = &*first;
      if (++first == last) return longest;
    }
  }
  return longest;
}

bool AddedTokenMatcher::next(std::string_view text, size_t from, size_t done, Found& found) const {
  if (tokens_.empty()) return false;
  while (from < text.size()) {
    if (!first_bytes_[static_cast<uint8_t>(text[from])]) {
      ++from;
      continue;
    }
    const AddedToken* token = longest_at(text.substr(from));
    if (token == nullptr) {
      ++from;
      continue;
    }
    const size_t end = from + token->content.size();
    if (token->single_word &&
        (ends_with_word(text.substr(0, from)) || starts_with_word(text.substr(end)))) {
      from = end;
      continue;
    }
    const size_t left_space = token->lstrip ? trailing_space(text.substr(0, from)) : 0;
    const size_t right_space = token->rstrip ? leading_space(text.substr(end)) : 0;
    // White space that the token before took on its right stays with that one.
    found.begin = std::max(from - left_space, std::min(done, end));
    found.end = std::max(end + right_space, found.begin);
    found.resume = end;
    found.id = token->id;
    return true;
  }
  return false;
}

}  // namespace ropewalk::tokenization
