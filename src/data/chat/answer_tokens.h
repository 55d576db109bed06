// Where byte positions of a text lie among its tokens, found through the tokenizer's public calls:
// special tokens are matched in the text before anything else, so they are fixed points, and
// between two of them a position is found by encoding what stands before it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk {

// A token that the tokenizer reads as one wherever it stands in a text.
struct FixedToken {
  std::string text;
  int32_t id = 0;
};

class TokenPlaces {
 public:
  // `ids` are those of `text`, in which `fixed` stand only as themselves. All three outlive this.
  // DataError where the tokenizer has not read every one of them as its own token.
  TokenPlaces(const Tokenizer& tokenizer,
              std::span<const FixedToken> fixed,
              std::string_view text,
              std::span<const int32_t> ids);

  // Index of the token that holds the byte at `position`. A token of which only the first part
  // belongs to what stands before counts as holding it.
  size_t token_at(size_t position) const;
  // Index behind the fixed token that ends at `position`.
  size_t behind_fixed(size_t position) const;

 private:
  struct Place {
    size_t begin;  // bytes
    size_t end;
    size_t token;  // index in ids
    const FixedToken* fixed;
  };
  const Place* last_place_before(size_t position) const;
  std::vector<int32_t> encode_after(const FixedToken* fixed, std::string_view text) const;
  size_t decoded_bytes(const FixedToken* fixed, std::span<const int32_t> ids) const;

  const Tokenizer& tokenizer_;
  std::string_view text_;
  std::span<const int32_t> ids_;
  std::vector<Place> places_;  // in the text's order
};

}  // namespace ropewalk
