// The `pre_tokenizer` of tokenizer.json: cuts a text into the words that merges never cross.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "tokenizer/regex.h"

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
  std::string prefixed;
};

class PreTokenizer {
 public:
  // Faults go to `diagnostics`; the object is usable only when there are none.
  PreTokenizer(const Json& pre_tokenizer, Diagnostics& diagnostics);

  // Calls sink(word) for each word in order, none empty. Words are raw bytes of the text.
  template <typename Sink>
  void split(std::string_view text, PreTokenizerScratch& scratch, Sink&& sink) const {
    scratch.pieces.resize(steps_.size());
    run(0, text, scratch, sink);
  }

 private:
  struct Step {
    enum class Kind { kPattern, kDigits, kPrefixSpace } kind;
    std::vector<Regex> regex;  // kPattern: one
    bool invert = false;
    SplitBehavior behavior = SplitBehavior::kIsolated;
  };

  void add(const Json& pre_tokenizer, const std::string& path, Diagnostics& diagnostics);
  void add_split(const Json& split, const std::string& path, Diagnostics& diagnostics);
  void add_byte_level(const Json& byte_level, const std::string& path, Diagnostics& diagnostics);

  // The pieces of a text under one step, in scratch.pieces[step]; for all behaviours but kIsolated,
  // which streams.
  void collect(size_t step, std::string_view text, PreTokenizerScratch& scratch) const;
  // The step's first match at or after `from`.
  static bool find(const Step& step,
                   std::string_view text,
                   size_t from,
                   PreTokenizerScratch& scratch,
                   Match& match);

  template <typename Sink>
  void run(size_t index, std::string_view text, PreTokenizerScratch& scratch, Sink& sink) const {
    if (text.empty()) return;
    if (index == steps_.size()) return sink(text);
    const Step& step = steps_[index];
    if (step.kind == Step::Kind::kPrefixSpace) {
      if (text.front() == ' ') return run(index + 1, text, scratch, sink);
      scratch.prefixed.assign(1, ' ').append(text);
      return run(index + 1, scratch.prefixed, scratch, sink);
    }
    if (step.behavior == SplitBehavior::kIsolated) {
      return run_isolated(index, text, scratch, sink);
    }
    collect(index, text, scratch);
    // The list of this step stays as it is while later steps use theirs.
    const std::vector<Piece>& pieces = scratch.pieces[index];
    for (size_t i = 0; i < pieces.size(); ++i) {
      run(index + 1, text.substr(pieces[i].begin, pieces[i].end - pieces[i].begin), scratch, sink);
    }
  }

  template <typename Sink>
  void run_isolated(size_t index,
                    std::string_view text,
                    PreTokenizerScratch& scratch,
                    Sink& sink) const {
    const Step& step = steps_[index];
    size_t done = 0;
    Match match;
    for (size_t from = 0; from <= text.size() && find(step, text, from, scratch, match);) {
      if (match.begin > done) {
        run(index + 1, text.substr(done, match.begin - done), scratch, sink);
      }
      run(index + 1, text.substr(match.begin, match.end - match.begin), scratch, sink);
      done = match.end;
      from = match.end > match.begin ? match.end : after(text, match.end);
    }
    if (done < text.size()) run(index + 1, text.substr(done), scratch, sink);
  }

  // The begin of the character after the one at `position`: where the search goes on after an empty
  // match.
  static size_t after(std::string_view text, size_t position);

  std::vector<Step> steps_;
  bool byte_level_ = false;
};

}  // namespace ropewalk::tokenization
