#include "tokenizer/unigram/unigram.h"

#include <gmock/gmock.h>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::tokenization {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<int32_t>;
using Pieces = std::vector<std::pair<std::string, double>>;

TokenizerFile file_of(const Pieces& pieces, const Json& options) {
  TokenizerFile file;
  file.root["model"] = options;
  for (const auto& [piece, score] : pieces) {
    file.vocab.emplace_back(piece, static_cast<int64_t>(file.vocab.size()));
    file.scores.push_back(score);
  }
  return file;
}

Ids encode(const Pieces& pieces, std::string_view text, const Json& options = {{"unk_id", 0}}) {
  Diagnostics diagnostics;
  const Unigram unigram(file_of(pieces, options), /*byte_level=*/false, diagnostics);
  EXPECT_EQ(diagnostics.report("unigram"), "");
  ModelScratch scratch;
  Ids ids, again;
  unigram.encode_word(text, scratch, ids);
  unigram.encode_word(text, scratch, again);  // from the cache
  EXPECT_EQ(ids, again);
  return ids;
}

TEST(Unigram, TheBestSumOfScoresWinsNotTheLongestPiece) {
  const Pieces pieces = {{"<unk>", 0}, {"a", -1}, {"b", -1}, {"ab", -3}, {"bc", -1}, {"c", -5}};
  EXPECT_THAT(encode(pieces, "ab"), ElementsAre(1, 2));
  EXPECT_THAT(encode(pieces, "abc"), ElementsAre(1, 4));
}

TEST(Unigram, OfEqualSumsTheOneWithTheEarlierLastPieceWins) {
  const Pieces pieces = {{"<unk>", 0}, {"a", -1}, {"b", -1}, {"ab", -2}};
  EXPECT_THAT(encode(pieces, "ab"), ElementsAre(3));
}

TEST(Unigram, UnknownCharactersInARowAreOneToken) {
  const Pieces pieces = {{"<unk>", 0}, {"a", -1}};
  EXPECT_THAT(encode(pieces, "xyaz"), ElementsAre(0, 1, 0));
}

TEST(Unigram, UnknownCharactersFallBackToBytesTogetherOrNotAtAll) {
  const Pieces pieces = {{"<unk>", 0}, {"a", -1}, {"<0xC3>", -9}, {"<0xA9>", -9}};
  const Json options = {{"unk_id", 0}, {"byte_fallback", true}};
  EXPECT_THAT(encode(pieces, "a\u00e9\u00e9", options), ElementsAre(1, 2, 3, 2, 3));
  EXPECT_THAT(encode(pieces, "a\u00e9x", options), ElementsAre(1, 0));
}

TEST(Unigram, OfEqualPiecesTheLastCounts) {
  EXPECT_THAT(encode({{"<unk>", 0}, {"a", -1}, {"a", -2}}, "a"), ElementsAre(2));
}

TEST(Unigram, WithoutAnUnknownPieceAnUnknownCharacterIsAnErrorThatNamesIt) {
  EXPECT_THAT(error_of<DataError>([] {
                encode({{"a", -1}}, "ax", Json::object());
              }),
              testing::AllOf(HasSubstr("'x'"), HasSubstr("unk_id")));
}

TEST(Unigram, AnUnknownIdOutOfRangeIsRefused) {
  Diagnostics diagnostics;
  Unigram(file_of({{"a", -1}}, {{"unk_id", 1}}), false, diagnostics);
  EXPECT_THAT(diagnostics.report("file"), HasSubstr("model.unk_id"));
}

TEST(PieceTrie, FindsEveryPieceThatATextBeginsWith) {
  PieceTrie trie;
  trie.build({"a", "abc", "b", "ab", "\u00e9"});
  Ids found;
  trie.prefixes("abd", [&](size_t, int32_t id) { found.push_back(id); });
  EXPECT_THAT(found, ElementsAre(0, 3));
  EXPECT_EQ(trie.find("\u00e9"), 4);
  EXPECT_EQ(trie.find("abcd"), -1);
  EXPECT_EQ(trie.find(""), -1);
}

}  // namespace
}  // namespace ropewalk::tokenization
