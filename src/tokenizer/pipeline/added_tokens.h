// Finding added tokens ("<s>", "<|im_start|>") written out in a text: leftmost first, the longest
// among those that begin there.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "tokenizer/files/tokenizer_file.h"
#include "tokenizer/pipeline/regex.h"

namespace ropewalk::tokenization {

class AddedTokenMatcher {
 public:
  AddedTokenMatcher() = default;
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  struct Segment {
    std::string_view text;      // what lies between tokens, or the token with stripped space
    std::optional<int32_t> id;  // set for a token
  };
  // Consecutive segments that cover `text`, none empty.
  template <typename Sink>
  void split(std::string_view text, Sink&& sink) const {
    size_t done = 0;
    Found found;
    for (size_t from = 0; next(text, from, done, found); from = found.resume) {
      if (found.begin > done) sink(Segment{text.substr(done, found.begin - done), std::nullopt});
      sink(Segment{text.substr(found.begin, found.end - found.begin), found.id});
      done = found.end;
    }
    if (done < text.size()) sink(Segment{text.substr(done), std::nullopt});
  }

 private:
  struct Found {
    size_t begin = 0;
    size_t end = 0;
    size_t resume = 0;  // where the search goes on: the token's own end
    int32_t id = 0;
  };

  bool next(std::string_view text, size_t from, size_t done, Found& found) const;
  const AddedToken* longest_at(std::string_view text) const;

  std::vector<AddedToken> tokens_;  // sorted by content
  std::array<bool, 256> first_bytes_{};
};

}  // namespace ropewalk::tokenization
