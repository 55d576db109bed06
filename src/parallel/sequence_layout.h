// Which tokens of a batch's rows each rank of a context group holds: a balanced piece (zigzag). A
// row is cut into 2 N chunks of equal length, and rank r of N holds chunks r and 2 N - 1 - r, in
// this order. An early chunk has few keys before it and a late one many; the two together have the
// same number on every rank.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace ropewalk::parallel {

struct RowShape {
  int64_t rows = 0, length = 0;
  // Of all rows, one after another; empty = every row is one document. Given, the pieces of all
  // rows make one long row, and so does the whole.
  std::vector<int64_t> document_lengths;
};

// Tokens of a piece that follow one another in the row, within one document. No two runs of any
// pieces share a token, so that of two in one document one is wholly before the other.
struct TokenRun {
  int64_t begin, length;  // in the piece
  int64_t place;          // of the first token, in the row
  int64_t document;
};

// What of a piece's queries sees what of another piece's keys, and how.
struct Meeting {
  int64_t first_query, num_queries;
  int64_t first_key, num_keys;
  int64_t reach;  // as in ops::KeyPart
};

class SequenceLayout {
 public:
  // row.length is a multiple of 2 * num_pieces.
  SequenceLayout(const RowShape& row, int64_t num_pieces);

  int64_t num_pieces() const { return num_pieces_; }
  // Tokens of a piece in a row of the batch as attention sees it.
  int64_t piece_tokens() const { return piece_tokens_; }

  // For each token of a piece: its place in the row that attention sees.
  std::vector<int64_t> places(int64_t piece) const;
  // Meetings of a piece's queries with the keys of another or the same, for attention within a
  // window (0 = none). Every query of a meeting sees at least one of its keys.
  std::vector<Meeting> meetings(int64_t queries_of, int64_t keys_of, int64_t window) const;
  const std::vector<TokenRun>& runs(int64_t piece) const {
    return runs_[static_cast<size_t>(piece)];
  }

 private:
  int64_t num_pieces_;
  int64_t piece_tokens_;
  std::vector<std::vector<TokenRun>> runs_;  // by piece, in the order of documents
};

// The columns of a row of `length` tokens that a piece holds, in order.
std::vector<int64_t> piece_columns(int64_t length, int64_t num_pieces, int64_t piece);

}  // namespace ropewalk::parallel
