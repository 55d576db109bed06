// The `pattern` of Split and Replace: a regular expression or a text, and replacing what it
// matches.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "tokenizer/pipeline/regex.h"
#include "tokenizer/pipeline/text_piece.h"

namespace ropewalk::tokenization {

class TextPattern {
 public:
  // A text that matches itself; an empty one matches before every character and at the end.
  explicit TextPattern(std::string text) : what_(std::move(text)) {}
  explicit TextPattern(Regex regex) : what_(std::move(regex)) {}

  bool find(std::string_view text, size_t from, MatchScratch& scratch, Match& match) const;

 private:
  std::variant<std::string, Regex> what_;
};

// {"Regex": ...} or {"String": ...}; else nothing and an error at `path`.pattern.
std::optional<TextPattern> read_pattern(const Json& object,
                                        const std::string& path,
                                        Diagnostics& diagnostics);

// The matches of a pattern in a text, left to right, none overlapping. An empty match right behind
// the match before is passed over, as Oniguruma's iterator in `tokenizers` does.
class MatchWalk {
 public:
  MatchWalk(const TextPattern& pattern, std::string_view text, MatchScratch& scratch)
      : pattern_(pattern), text_(text), scratch_(scratch) {}
  bool next(Match& match);

 private:
  const TextPattern& pattern_;
  std::string_view text_;
  MatchScratch& scratch_;
  size_t from_ = 0;
  std::optional<size_t> last_end_;
};

// How long rewriting may make a text: no tokenizer needs nearly as much, but a file can ask for
// steps that each double it.
inline size_t max_rewritten_bytes(size_t text_bytes) { return 64 * text_bytes + (64 << 10); }
// Throws DataError when `bytes` is beyond `max_bytes`.
void check_rewritten_bytes(size_t bytes, size_t max_bytes);

struct RewriteScratch {
  MatchScratch match;
  std::string out;
  size_t max_bytes = 0;
};
// Puts `content` in place of every match. The result lies in `scratch.out`, or is the piece itself
// when nothing matches. DataError when it is longer than scratch.max_bytes.
TextPiece replace_matches(const TextPattern& pattern,
                          const std::string& content,
                          TextPiece piece,
                          RewriteScratch& scratch);

}  // namespace ropewalk::tokenization
