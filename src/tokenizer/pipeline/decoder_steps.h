// The `decoder` of tokenizer.json as a list of steps over tokens.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "tokenizer/pipeline/metaspace.h"
#include "tokenizer/pipeline/text_pattern.h"

namespace ropewalk::tokenization {

class DecoderSteps {
 public:
  DecoderSteps() = default;
  // Faults go to `diagnostics`; the object is usable only when there are none.
  DecoderSteps(const Json& decoder, Diagnostics& diagnostics);

  // Whether ByteLevel is the one step: its tokens decode one by one.
  bool only_byte_level() const;
  // Whether the file says nothing: tokens are then joined with spaces.
  bool empty() const { return !given_; }

  std::string decode(std::vector<std::string> tokens) const;

 private:
  struct Step {
    enum class Kind { kByteLevel, kMetaspace, kByteFallback, kFuse, kReplace, kStrip } kind;
    std::optional<TextPattern> pattern = {};  // kReplace
    std::string text = {};                    // kReplace: what is put in; kStrip: the character
    size_t num_left = 0;                      // kStrip: at most so many at each end
    size_t num_right = 0;
    std::optional<Metaspace> metaspace = {};  // kMetaspace
  };

  void add(const Json& decoder, const std::string& path, Diagnostics& diagnostics);
  void add_replace(const Json& replace, const std::string& path, Diagnostics& diagnostics);
  void add_strip(const Json& strip, const std::string& path, Diagnostics& diagnostics);
  static void run(const Step& step, std::vector<std::string>& tokens, RewriteScratch& scratch);

  std::vector<Step> steps_;
  bool given_ = false;
};

}  // namespace ropewalk::tokenization
