// The `pre_tokenizer` of tokenizer.json: cuts a text into the words that merges never cross.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "tokenizer/pipeline/metaspace.h"
#include "tokenizer/pipeline/text_pattern.h"
#include "tokenizer/pipeline/text_piece.h"

namespace ropewalk::tokenization {

enum class SplitBehavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

// A piece of a text: a match of a pattern, or what lies between matches.
struct Piece {
  size_t begin;
  size_t end;
  bool matched;
};

struct PreTokenizerScratch {
  MatchScratch match;
  std::vector<std::vector<Piece>> pieces;  // one list per step
  std::vector<std::string> texts;          // what a step made of its text; one per step
};

class PreTokenizer {
 public:
  // Faults go to `diagnostics`; the object is usable only when there are none.
  PreTokenizer(const Json& pre_tokenizer, Diagnostics& diagnostics);

  // Whether words are bytes, which the vocabulary writes in the byte alphabet; else characters.
  bool byte_level() const { return byte_level_; }

  // Calls sink(word) for each word in order, none empty.
  template <typename Sink>
  void split(TextPiece piece, PreTokenizerScratch& scratch, Sink&& sink) const {
    scratch.pieces.resize(steps_.size());
    scratch.texts.resize(steps_.size());
    run(0, piece, scratch, sink);
  }

 private:
  struct Step {
    enum class Kind { kPattern, kCharacters, kPrefixSpace, kMetaspace } kind;
    SplitBehavior behavior = SplitBehavior::kIsolated;
    bool invert = false;
    std::optional<TextPattern> pattern;       // kPattern
    bool (*matches)(int32_t) = nullptr;       // kCharacters: whether one is a match
    std::optional<Metaspace> metaspace = {};  // kMetaspace
  };

  void add(const Json& pre_tokenizer, const std::string& path, Diagnostics& diagnostics);
  bool add_simple(const Json& pre_tokenizer, const std::string& path, Diagnostics& diagnostics);
  void add_split(const Json& split, const std::string& path, Diagnostics& diagnostics);
  void add_byte_level(const Json& byte_level);
  void add_whitespace();
  void add_characters(bool (*matches)(int32_t), SplitBehavior behavior);

  // The pieces of a text under one step, in scratch.pieces[step].
  void collect(size_t step, std::string_view text, PreTokenizerScratch& scratch) const;
  // The text that a step of kind kPrefixSpace or kMetaspace makes.
  TextPiece rewrite(size_t step, TextPiece piece, PreTokenizerScratch& scratch) const;
  // The end of the word that begins at `begin`; every later replacement begins another.
  static size_t metaspace_end(const Metaspace& metaspace, std::string_view text, size_t begin);

  template <typename Sink>
  void run(size_t index, TextPiece piece, PreTokenizerScratch& scratch, Sink& sink) const {
    if (piece.text.empty()) return;
    if (index == steps_.size()) return sink(piece.text);
    const Step& step = steps_[index];
    if (step.kind == Step::Kind::kPrefixSpace) {
      return run(index + 1, rewrite(index, piece, scratch), scratch, sink);
    }
    if (step.kind == Step::Kind::kMetaspace) return run_metaspace(index, piece, scratch, sink);
    if (step.kind == Step::Kind::kPattern && step.behavior == SplitBehavior::kIsolated) {
      return run_isolated(index, piece, scratch, sink);
    }
    collect(index, piece.text, scratch);
    // The list of this step stays as it is while later steps use theirs.
    const std::vector<Piece>& pieces = scratch.pieces[index];
    for (size_t i = 0; i < pieces.size(); ++i) {
      run(index + 1, piece.part(pieces[i].begin, pieces[i].end), scratch, sink);
    }
  }

  // Streams, since most texts are cut in this way.
  template <typename Sink>
  void run_isolated(size_t index, TextPiece piece, PreTokenizerScratch& scratch, Sink& sink) const {
    MatchWalk walk(*steps_[index].pattern, piece.text, scratch.match);
    size_t done = 0;
    Match match;
    while (walk.next(match)) {
      run(index + 1, piece.part(done, match.begin), scratch, sink);
      run(index + 1, piece.part(match.begin, match.end), scratch, sink);
      done = match.end;
    }
    run(index + 1, piece.part(done, piece.text.size()), scratch, sink);
  }

  template <typename Sink>
  void run_metaspace(size_t index,
                     TextPiece piece,
                     PreTokenizerScratch& scratch,
                     Sink& sink) const {
    const Metaspace& metaspace = *steps_[index].metaspace;
    piece = rewrite(index, piece, scratch);
    if (!metaspace.split) return run(index + 1, piece, scratch, sink);
    for (size_t begin = 0; begin < piece.text.size();) {
      const size_t end = metaspace_end(metaspace, piece.text, begin);
      run(index + 1, piece.part(begin, end), scratch, sink);
      begin = end;
    }
  }

  std::vector<Step> steps_;
  bool byte_level_ = false;
};

}  // namespace ropewalk::tokenization
