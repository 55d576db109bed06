#include "parallel/sequence_layout.h"

#include <algorithm>
#include <optional>

#include "ropewalk/base/errors.h"

namespace ropewalk::parallel {
namespace {

// Where each document of the row that attention sees ends.
std::vector<int64_t> document_ends(const RowShape& row) {
  if (row.document_lengths.empty()) return {row.length};
  std::vector<int64_t> ends;
  int64_t end = 0;
  for (const int64_t length : row.document_lengths) ends.push_back(end += length);
  ROPEWALK_CHECK(end == row.rows * row.length, "the documents must cover the rows");
  return ends;
}

// Cuts [place, place + length) of the row at the borders of documents.
void add_runs(std::vector<TokenRun>& runs, TokenRun left, const std::vector<int64_t>& ends) {
  while (left.length > 0) {
    const auto document = std::upper_bound(ends.begin(), ends.end(), left.place);
    TokenRun run = left;
    run.document = document - ends.begin();
    run.length = std::min(left.length, *document - left.place);
    left = {left.begin + run.length, left.length - run.length, left.place + run.length, 0};
    TokenRun* last = runs.empty() ? nullptr : &runs.back();
    if (last && last->document == run.document && last->place + last->length == run.place) {
      last->length += run.length;
    } else {
      runs.push_back(run);
    }
  }
}

std::optional<Meeting> meet(const TokenRun& queries, const TokenRun& keys, int64_t window) {
  if (keys.place > queries.place) return std::nullopt;
  Meeting m{queries.begin, queries.length, keys.begin, keys.length, queries.place - keys.place};
  if (window == 0 || keys.place == queries.place) return m;
  // Keys before the window of the first query, and queries whose window is behind the last key.
  const int64_t unseen = std::max<int64_t>(0, m.reach - window + 1);
  m.first_key += unseen;
  m.num_keys -= unseen;
  m.reach -= unseen;
  if (m.num_keys <= 0) return std::nullopt;
  m.num_queries = std::min(m.num_queries, m.num_keys - 1 + window - m.reach);
  return m;
}

}  // namespace

SequenceLayout::SequenceLayout(const RowShape& row, int64_t num_pieces)
    : num_pieces_(num_pieces), piece_tokens_(row.length / num_pieces) {
  ROPEWALK_CHECK(row.length % (2 * num_pieces) == 0, "a row does not split into 2 N chunks");
  const std::vector<int64_t> ends = document_ends(row);
  const int64_t joined_rows = row.document_lengths.empty() ? 1 : row.rows;
  const int64_t chunk = row.length / (2 * num_pieces);
  for (int64_t piece = 0; piece < num_pieces; ++piece) {
    std::vector<TokenRun>& runs = runs_.emplace_back();
    for (int64_t r = 0; r < joined_rows; ++r) {
      const int64_t begin = r * piece_tokens_, place = r * row.length;
      add_runs(runs, {begin, chunk, place + piece * chunk, 0}, ends);
      add_runs(runs, {begin + chunk, chunk, place + (2 * num_pieces - 1 - piece) * chunk, 0}, ends);
    }
  }
  piece_tokens_ *= joined_rows;
}

std::vector<int64_t> SequenceLayout::places(int64_t piece) const {
  std::vector<int64_t> places;
  for (const TokenRun& run : runs(piece)) {
    for (int64_t i = 0; i < run.length; ++i) places.push_back(run.place + i);
  }
  return places;
}

std::vector<Meeting> SequenceLayout::meetings(int64_t queries_of,
                                              int64_t keys_of,
                                              int64_t window) const {
  const std::vector<TokenRun>& keys = runs(keys_of);
  std::vector<Meeting> meetings;
  for (const TokenRun& q : runs(queries_of)) {
    const auto [first, end] =
        std::equal_range(keys.begin(), keys.end(), q, [](const TokenRun& a, const TokenRun& b) {
          return a.document < b.document;
        });
    for (auto k = first; k != end; ++k) {
      if (const auto m = meet(q, *k, window)) meetings.push_back(*m);
    }
  }
  return meetings;
}

std::vector<int64_t> piece_columns(int64_t length, int64_t num_pieces, int64_t piece) {
  std::vector<int64_t> columns;
  const int64_t chunk = length / (2 * num_pieces);
  for (const int64_t index : {piece, 2 * num_pieces - 1 - piece}) {
    for (int64_t i = 0; i < chunk; ++i) columns.push_back(index * chunk + i);
  }
  return columns;
}

}  // namespace ropewalk::parallel
