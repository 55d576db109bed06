// One kind of tokenizer file, once read: what Tokenizer is made of.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "tokenizer/files/tokenizer_file.h"
#include "tokenizer/pipeline/template.h"

namespace ropewalk::tokenization {

// Immutable; every method may be called from several threads at once.
class Codec {
 public:
  virtual ~Codec() = default;
  // Appends the ids of a text that is valid UTF-8.
  virtual void encode_append(std::string_view text, std::vector<int32_t>& ids) const = 0;
  // Unknown ids are left out.
  virtual std::string decode(std::span<const int32_t> ids, bool skip_special) const = 0;
  // The id of a token as the file writes it.
  virtual std::optional<int32_t> find(const std::string& token) const = 0;
  virtual int64_t num_ids() const = 0;  // largest id + 1
};

// A codec and what its file says of the ids around a text.
struct LoadedCodec {
  std::unique_ptr<const Codec> codec;
  TextTemplate text_template;
  std::optional<int32_t> bos_id;
  std::optional<int32_t> eos_id;
};

// tokenizer.json. Faults go to `diagnostics`; the codec is usable only when there are none.
LoadedCodec make_pipeline_codec(const TokenizerFile& file, Diagnostics& diagnostics);

}  // namespace ropewalk::tokenization
