// One document to token ids, and which of them the loss is on.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ropewalk/formats/text_reader.h"
#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk {

struct EncodedDocument {
  std::vector<int32_t> ids;
  std::vector<uint8_t> trained;  // one byte per id, 0 = not a target of the loss; empty = all are
};

class DocumentEncoder {
 public:
  virtual ~DocumentEncoder() = default;
  // Replaces `encoded`, whose capacity is reused. A DataError says why the document is of no use;
  // its place is the caller's to name. Const use from several threads is safe.
  virtual void encode(const Document& document, EncodedDocument& encoded) const = 0;
};

// The ids of the text without special tokens, all of them targets.
std::unique_ptr<DocumentEncoder> make_text_encoder(std::shared_ptr<const Tokenizer> tokenizer);

}  // namespace ropewalk
