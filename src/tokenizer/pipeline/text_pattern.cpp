#include "tokenizer/pipeline/text_pattern.h"

#include "ropewalk/base/errors.h"
#include "tokenizer/files/json_fields.h"
#include "tokenizer/pipeline/pattern.h"
#include "tokenizer/unicode/characters.h"

namespace ropewalk::tokenization {

bool TextPattern::find(std::string_view text,
                       size_t from,
                       MatchScratch& scratch,
                       Match& match) const {
  if (const Regex* regex = std::get_if<Regex>(&what_)) {
    return regex->find(text, from, scratch, match);
  }
  const std::string& literal = std::get<std::string>(what_);
  const size_t found = text.find(literal, from);
  if (found == std::string_view::npos) return false;
  match = {found, found + literal.size()};
  return true;
}

std::optional<TextPattern> read_pattern(const Json& object,
                                        const std::string& path,
                                        Diagnostics& diagnostics) {
  const Json& pattern = member(object, "pattern");
  const Json& regex = member(pattern, "Regex");
  const Json& text = member(pattern, "String");
  try {
    if (regex.is_string()) return TextPattern(Regex(pcre2_pattern(regex.get<std::string>())));
    if (text.is_string()) return TextPattern(text.get<std::string>());
    diagnostics.error(
        path + ".pattern",
        "found " + pattern.dump() + R"(; expected {"Regex": ...} or {"String": ...})");
  } catch (const DataError& error) {
    diagnostics.error(path + ".pattern", error.what());
  }
  return std::nullopt;
}

bool MatchWalk::next(Match& match) {
  while (from_ <= text_.size() && pattern_.find(text_, from_, scratch_, match)) {
    const bool empty = match.begin == match.end;
    if (!empty || last_end_ != match.end) {
      from_ = match.end;
      last_end_ = match.end;
      return true;
    }
    from_ += from_ < text_.size() ? first_code_point(text_.substr(from_)).size : 1;
  }
  return false;
}

void check_rewritten_bytes(size_t bytes, size_t max_bytes) {
  if (bytes <= max_bytes) return;
  throw DataError("the tokenizer makes a text longer than " + std::to_string(max_bytes) +
                  " bytes, which none should; do not use it");
}

TextPiece replace_matches(const TextPattern& pattern,
                          const std::string& content,
                          TextPiece piece,
                          RewriteScratch& scratch) {
  if (piece.text.empty()) return piece;  // even where the pattern matches nothing
  MatchWalk walk(pattern, piece.text, scratch.match);
  Match match;
  if (!walk.next(match)) return piece;
  std::string& out = scratch.out;
  out.clear();
  size_t done = 0;
  size_t at_start = 0;
  do {
    out.append(piece.text.substr(done, match.begin - done));
    at_start += std::min(match.begin, std::max(done, piece.at_start)) - done;
    // What is put in stands for the last character taken out, or the one before it.
    if (match.end == 0 || match.end <= piece.at_start) at_start += content.size();
    out.append(content);
    check_rewritten_bytes(out.size(), scratch.max_bytes);
    done = match.end;
  } while (walk.next(match));
  out.append(piece.text.substr(done));
  if (piece.at_start > done) at_start += piece.at_start - done;
  return {out, at_start};
}

}  // namespace ropewalk::tokenization
