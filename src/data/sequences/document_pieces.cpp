#include "data/sequences/document_pieces.h"

#include <algorithm>
#include <limits>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

void mask(std::span<int64_t> targets, const std::vector<uint8_t>& trained) {
  for (size_t t = 0; t < targets.size(); ++t) {
    if (trained[t] == 0) targets[t] = kIgnoredTarget;
  }
}

}  // namespace

DocumentPieces::DocumentPieces(DocumentSelection documents, const SequenceOptions& options)
    : documents_(std::move(documents)), options_(options), bos_size_(options.bos_id ? 1 : 0) {}

int64_t DocumentPieces::num_inputs(int64_t document) const {
  const int64_t tokens = documents_.length(document);
  return tokens > 0 ? tokens + bos_size_ : 0;
}

std::vector<Piece> DocumentPieces::all() const {
  constexpr int64_t kMost = std::numeric_limits<uint32_t>::max();
  const int64_t length = options_.sequence_length;
  std::vector<Piece> pieces;
  for (int64_t document = 0; document < documents_.size(); ++document) {
    const int64_t inputs = num_inputs(document);
    for (int64_t begin = 0; begin < inputs; begin += length) {
      if (begin > 0 && inputs - begin < options_.min_piece_tokens) break;
      if (document > kMost || begin / length > kMost) {
        throw DataError(
            "data: more documents, or pieces of one, than 32 bits can number; divide "
            "the data over several runs");
      }
      pieces.push_back({static_cast<uint32_t>(document), static_cast<uint32_t>(begin / length)});
    }
  }
  if (pieces.empty()) {
    throw DataError("data: found no document with tokens among " +
                    std::to_string(documents_.size()) + "; prepare more text");
  }
  return pieces;
}

int64_t DocumentPieces::size(Piece piece) const {
  const int64_t begin = piece.number * options_.sequence_length;
  return std::min(options_.sequence_length, num_inputs(piece.document) - begin);
}

void DocumentPieces::read(Piece piece,
                          std::span<int64_t> inputs,
                          std::span<int64_t> targets) const {
  const int64_t document = piece.document;
  const int64_t begin = piece.number * options_.sequence_length;
  const bool starts = begin == 0 && bos_size_ > 0;
  if (starts) inputs.front() = *options_.bos_id;
  const int64_t first = std::max<int64_t>(begin - bos_size_, 0);
  const std::span<int64_t> body = inputs.subspan(starts ? 1 : 0);
  documents_.read(document, first, body);
  std::copy(inputs.begin() + 1, inputs.end(), targets.begin());
  const int64_t next = first + static_cast<int64_t>(body.size());
  const bool ends = next == documents_.length(document);
  if (ends) {
    targets.back() = options_.eos_id ? *options_.eos_id : kIgnoredTarget;
  } else {
    documents_.read(document, next, targets.last(1));
  }
  if (!documents_.has_targets()) return;
  // The targets are the tokens behind the first, and what ends the document.
  const int64_t from = starts ? first : first + 1;
  std::vector<uint8_t> trained(next - from + (ends ? 0 : 1));
  documents_.read_targets(document, from, trained);
  if (ends) trained.push_back(documents_.end_is_trained(document) ? 1 : 0);
  mask(targets, trained);
}

void DocumentPieces::pad(int64_t begin, const SequenceRow& row) const {
  const auto from = static_cast<size_t>(begin);
  if (from == row.inputs.size()) return;
  std::ranges::fill(row.inputs.subspan(from), options_.padding_id);
  std::ranges::fill(row.targets.subspan(from), kIgnoredTarget);
  row.document_lengths.push_back(static_cast<int64_t>(row.inputs.size()) - begin);
}

}  // namespace ropewalk
