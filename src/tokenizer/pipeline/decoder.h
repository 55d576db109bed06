// Ids back to text: the `decoder` of tokenizer.json.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "tokenizer/files/tokenizer_file.h"
#include "tokenizer/pipeline/decoder_steps.h"
#include "tokenizer/pipeline/normalizer.h"

namespace ropewalk::tokenization {

class Decoder {
 public:
  Decoder() = default;
  Decoder(const TokenizerFile& file, const Normalizer& normalizer, Diagnostics& diagnostics);

  // Largest id + 1.
  int64_t num_ids() const { return static_cast<int64_t>(tokens_.size()); }
  std::string decode(std::span<const int32_t> ids, bool skip_special) const;

 private:
  struct Token {
    bool known = false;
    bool special = false;
    std::string bytes;
  };
  DecoderSteps steps_;
  // Whether text is made token by token: by ByteLevel alone, or, with no decoder, by joining them
  // with spaces.
  bool one_by_one_ = false;
  std::vector<Token> tokens_;
};

// Each longest run that begins a valid sequence but is none becomes one U+FFFD (Unicode 3.9,
// "maximal subparts"), which is what `tokenizers` prints.
std::string replace_invalid_utf8(std::string_view bytes);

}  // namespace ropewalk::tokenization
