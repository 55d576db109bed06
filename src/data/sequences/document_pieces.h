// Documents cut into pieces that are read apart from each other; sequence_dataset.h says how.
#pragma once

#include <cstdint>
#include <vector>

#include "ropewalk/data/sequence_dataset.h"

namespace ropewalk {

// Piece `number` of a document.
struct Piece {
  uint32_t document;  // of the selection
  uint32_t number;
};

class DocumentPieces {
 public:
  DocumentPieces(DocumentSelection documents, const SequenceOptions& options);

  // All of them in order. Throws DataError where there is none, or more than 32 bits can number.
  std::vector<Piece> all() const;
  int64_t size(Piece piece) const;  // inputs, 1 to sequence_length
  // Both spans have size(piece) entries.
  void read(Piece piece, std::span<int64_t> inputs, std::span<int64_t> targets) const;
  // Appends what fills a row from `begin` on to its end.
  void pad(int64_t begin, const SequenceRow& row) const;

 private:
  // Inputs of a whole document, BOS included.
  int64_t num_inputs(int64_t document) const;

  DocumentSelection documents_;
  SequenceOptions options_;
  int64_t bos_size_;
};

}  // namespace ropewalk
