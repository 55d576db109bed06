// Training sequences of one fixed length, addressable by index. Three ways to make them of
// documents; docs/training_data.md shows each.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ropewalk/data/document_selection.h"

namespace ropewalk {

inline constexpr int64_t kIgnoredTarget = -100;

// Where one sequence is to be written. inputs and targets have length() entries; targets[t] is the
// token to predict after inputs[t], or kIgnoredTarget.
struct SequenceRow {
  std::span<int64_t> inputs;
  std::span<int64_t> targets;
  // The lengths of the row's documents are appended, if they are kept apart; their sum is length().
  std::vector<int64_t>& document_lengths;
};

// Const use from several threads is safe.
class SequenceDataset {
 public:
  virtual ~SequenceDataset() = default;
  virtual int64_t size() const = 0;    // number of sequences, at least 1
  virtual int64_t length() const = 0;  // tokens per sequence
  virtual void read(int64_t index, const SequenceRow& row) const = 0;
};

struct SequenceOptions {
  int64_t sequence_length = 0;
  std::optional<int32_t> bos_id;  // given: stands before each document
  std::optional<int32_t> eos_id;  // given: follows each document
  // What fills up a row of which documents do not take all; never a target.
  int32_t padding_id = 0;
  // `document`: pieces of long documents that hold fewer tokens are left out.
  int64_t min_piece_tokens = 1;
};

// The stream of every document as [BOS] tokens [EOS], cut at multiples of S = sequence_length:
// sequence i has inputs stream[i*S .. i*S+S) and targets stream[i*S+1 .. i*S+S+1); what is left at
// the end and does not fill a sequence is dropped. The stream is never built: a position is found
// by bisection. Attention crosses documents. DataError when there is not one whole sequence.
std::unique_ptr<SequenceDataset> make_concat_dataset(DocumentSelection documents,
                                                     const SequenceOptions& options);

// Pieces: a document is [BOS] tokens, cut every S; the targets are the tokens that follow, behind
// the document's last one EOS (without an EOS: nothing). A piece that goes on in the next one
// predicts that one's first token. Documents without tokens are left out.
//
// Rows take as many pieces as fit, by first fit in the order of the documents; each piece is a
// document to attention and positions, and so is the padding at a row's end. Memory: 8 bytes a
// piece.
std::unique_ptr<SequenceDataset> make_packed_dataset(const DocumentSelection& documents,
                                                     const SequenceOptions& options);

// Every piece is a sequence of its own, padded at the end.
std::unique_ptr<SequenceDataset> make_document_dataset(const DocumentSelection& documents,
                                                       const SequenceOptions& options);

}  // namespace ropewalk
