// One document to token ids, and which of them the loss is on. `prepare` calls one encoder from
// several threads at once.
#pragma once

#include <cstdint>
#include <vector>

#include "ropewalk/formats/text_reader.h"

namespace ropewalk {

struct EncodedDocument {
  std::vector<int32_t> ids;
  std::vector<uint8_t> trained;  // one byte per id, 0 = not a target of the loss; empty = all are
};

class DocumentEncoder {
 public:
  virtual ~DocumentEncoder() = default;
  // Replaces `encoded`, whose capacity is reused. DataError says what is wrong with the document;
  // the caller adds file and line.
  virtual void encode(const Document& document, EncodedDocument& encoded) const = 0;
};

}  // namespace ropewalk
