#include "parallel/sequence_layout.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

namespace ropewalk::parallel {
namespace {

using ::testing::ElementsAre;

TEST(SequenceLayout, APieceIsAnEarlyChunkAndALateOne) {
  EXPECT_THAT(piece_columns(8, 2, 0), ElementsAre(0, 1, 6, 7));
  EXPECT_THAT(piece_columns(8, 2, 1), ElementsAre(2, 3, 4, 5));
  const SequenceLayout layout({3, 8, {}}, 2);
  EXPECT_EQ(layout.piece_tokens(), 4);
  EXPECT_THAT(layout.places(0), ElementsAre(0, 1, 6, 7));
  EXPECT_THAT(layout.places(1), ElementsAre(2, 3, 4, 5));
}

TEST(SequenceLayout, RowsOfDocumentsMakeOneLongRow) {
  const SequenceLayout layout({2, 8, {3, 5, 8}}, 2);
  EXPECT_EQ(layout.piece_tokens(), 8);
  EXPECT_THAT(layout.places(1), ElementsAre(2, 3, 4, 5, 10, 11, 12, 13));
}

// What every rank's queries see, by the meetings: query's place -> keys' places.
std::map<int64_t, std::vector<int64_t>> seen_keys(const SequenceLayout& layout, int64_t window) {
  std::map<int64_t, std::vector<int64_t>> seen;
  for (int64_t a = 0; a < layout.num_pieces(); ++a) {
    for (int64_t b = 0; b < layout.num_pieces(); ++b) {
      const auto queries = layout.places(a), keys = layout.places(b);
      for (const Meeting& m : layout.meetings(a, b, window)) {
        for (int64_t r = 0; r < m.num_queries; ++r) {
          const size_t before = seen[queries[m.first_query + r]].size();
          for (int64_t c = 0; c < m.num_keys; ++c) {
            if (c > r + m.reach || (window > 0 && c <= r + m.reach - window)) continue;
            seen[queries[m.first_query + r]].push_back(keys[m.first_key + c]);
          }
          EXPECT_GT(seen[queries[m.first_query + r]].size(), before) << "a query without keys";
        }
      }
    }
  }
  for (auto& [query, keys] : seen) std::sort(keys.begin(), keys.end());
  return seen;
}

std::map<int64_t, std::vector<int64_t>> expected_keys(const std::vector<int64_t>& documents,
                                                      int64_t window) {
  std::map<int64_t, std::vector<int64_t>> seen;
  int64_t begin = 0;
  for (const int64_t length : documents) {
    for (int64_t q = begin; q < begin + length; ++q) {
      for (int64_t k = begin; k <= q; ++k) {
        if (window == 0 || k > q - window) seen[q].push_back(k);
      }
    }
    begin += length;
  }
  return seen;
}

TEST(SequenceLayout, EveryQueryMeetsTheKeysOfItsDocumentAndWindowOnce) {
  std::mt19937 random(7);
  for (const int64_t pieces : {1, 2, 3, 4}) {
    for (const int64_t window : {0, 1, 5, 23}) {
      EXPECT_EQ(seen_keys(SequenceLayout({1, 24, {}}, pieces), window),
                expected_keys({24}, window));
      for (int repeat = 0; repeat < 5; ++repeat) {
        RowShape rows{2, 24, {}};
        for (int64_t row = 0; row < rows.rows; ++row) {
          for (int64_t left = rows.length; left > 0; left -= rows.document_lengths.back()) {
            rows.document_lengths.push_back(1 + random() % left);
          }
        }
        EXPECT_EQ(seen_keys(SequenceLayout(rows, pieces), window),
                  expected_keys(rows.document_lengths, window));
      }
    }
  }
}

TEST(SequenceLayout, RanksHaveEqualWork) {
  const int64_t pieces = 4;
  const SequenceLayout layout({1, 64, {}}, pieces);
  std::vector<int64_t> work(pieces);
  for (int64_t a = 0; a < pieces; ++a) {
    for (int64_t b = 0; b < pieces; ++b) {
      for (const Meeting& m : layout.meetings(a, b, 0)) {
        work[a] +=
            m.reach == 0 ? m.num_queries * (m.num_queries + 1) / 2 : m.num_queries * m.num_keys;
      }
    }
  }
  EXPECT_THAT(work, ::testing::Each(64 * 65 / 2 / pieces));
}

TEST(SequenceLayout, RefusesRowsThatDoNotSplit) {
  EXPECT_ANY_THROW(SequenceLayout({1, 6, {}}, 2));
  EXPECT_ANY_THROW(SequenceLayout({1, 8, {3, 4}}, 2));
}

}  // namespace
}  // namespace ropewalk::parallel
