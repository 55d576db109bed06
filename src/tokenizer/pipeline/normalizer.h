// The `normalizer` of tokenizer.json: what is done to a text before it is cut.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "tokenizer/pipeline/text_pattern.h"
#include "tokenizer/pipeline/text_piece.h"
#include "tokenizer/unicode/unicode_forms.h"

namespace ropewalk::tokenization {

// Each step reads the text that the one before left and writes another; one per thread.
struct NormalizerScratch {
  RewriteScratch rewrite;
  std::string text;
};

class Normalizer {
 public:
  Normalizer() = default;
  // Faults go to `diagnostics`; the object is usable only when there are none.
  Normalizer(const Json& normalizer, Diagnostics& diagnostics);

  // The piece itself where nothing changes, else one that lies in `scratch`.
  TextPiece apply(TextPiece piece, NormalizerScratch& scratch) const;

 private:
  struct Step {
    enum class Kind { kForm, kLowercase, kReplace, kPrepend, kStrip, kStripAccents } kind;
    UnicodeForm form;                    // kForm
    std::optional<TextPattern> pattern;  // kReplace
    std::string text;                    // kReplace, kPrepend
    bool strip_left = false;
    bool strip_right = false;
  };

  void add(const Json& normalizer, const std::string& path, Diagnostics& diagnostics);
  void add_replace(const Json& replace, const std::string& path, Diagnostics& diagnostics);
  void add_strip(const Json& strip, const std::string& path, Diagnostics& diagnostics);
  static TextPiece run(const Step& step, TextPiece piece, RewriteScratch& scratch);

  std::vector<Step> steps_;
};

}  // namespace ropewalk::tokenization
