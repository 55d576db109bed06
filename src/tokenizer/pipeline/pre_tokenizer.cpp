#include "tokenizer/pipeline/pre_tokenizer.h"

#include <algorithm>

#include "tokenizer/unicode/characters.h"

namespace ropewalk::tokenization {
namespace {

// Joins neighbours in place. Whether a piece joins the one before it depends on both; with
// kMergedWithNext the list is walked from its end.
void join_pieces(SplitBehavior behavior, std::vector<Piece>& pieces) {
  const bool backwards = behavior == SplitBehavior::kMergedWithNext;
  if (backwards) std::reverse(pieces.begin(), pieces.end());
  size_t size = 0;
  bool previous_matched = false;
  for (const Piece piece : pieces) {
    const bool joins = behavior == SplitBehavior::kContiguous ? piece.matched == previous_matched
                                                              : piece.matched && !previous_matched;
    previous_matched = piece.matched;
    if (joins && size > 0) {
      pieces[size - 1].begin = std::min(pieces[size - 1].begin, piece.begin);
      pieces[size - 1].end = std::max(pieces[size - 1].end, piece.end);
    } else {
      pieces[size++] = piece;
    }
  }
  pieces.resize(size);
  if (backwards) std::reverse(pieces.begin(), pieces.end());
}

}  // namespace

void PreTokenizer::collect(size_t index,
                           std::string_view text,
                           PreTokenizerScratch& scratch) const {
  const Step& step = steps_[index];
  std::vector<Piece>& pieces = scratch.pieces[index];
  pieces.clear();
  size_t done = 0;
  const auto add_match = [&](Match match) {
    if (match.begin > done) pieces.push_back({done, match.begin, false});
    pieces.push_back({match.begin, match.end, true});
    done = match.end;
  };
  if (step.kind == Step::Kind::kCharacters) {
    for (size_t at = 0; at < text.size();) {
      const CodePoint next = first_code_point(text.substr(at));
      if (step.matches(next.value)) add_match({at, at + next.size});
      at += next.size;
    }
  } else {
    MatchWalk walk(*step.pattern, text, scratch.match);
    for (Match match; walk.next(match);) add_match(match);
  }
  if (done < text.size()) pieces.push_back({done, text.size(), false});
  if (step.invert) {
    for (Piece& piece : pieces) piece.matched = !piece.matched;
  }
  if (step.behavior == SplitBehavior::kRemoved) {
    std::erase_if(pieces, [](const Piece& piece) { return piece.matched; });
  } else if (step.behavior != SplitBehavior::kIsolated) {
    join_pieces(step.behavior, pieces);
  }
}

TextPiece PreTokenizer::rewrite(size_t index, TextPiece piece, PreTokenizerScratch& scratch) const {
  std::string& out = scratch.texts[index];
  if (steps_[index].metaspace) return write_spaces(*steps_[index].metaspace, piece, out);
  if (piece.text.starts_with(' ')) return piece;
  out.assign(1, ' ').append(piece.text);
  return {out, piece.at_start > 0 ? piece.at_start + 1 : 0};
}

size_t PreTokenizer::metaspace_end(const Metaspace& metaspace,
                                   std::string_view text,
                                   size_t begin) {
  const bool leads = text.substr(begin).starts_with(metaspace.replacement);
  const size_t from = begin + (leads ? metaspace.replacement.size() : 0);
  return std::min(text.find(metaspace.replacement, from), text.size());
}

}  // namespace ropewalk::tokenization
