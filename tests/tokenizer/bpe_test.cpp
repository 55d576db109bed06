#include "tokenizer/bpe/bpe.h"

#include <gmock/gmock.h>

#include "ropewalk/base/json.h"

namespace ropewalk::tokenization {
namespace {

using testing::ElementsAre;
using Ids = std::vector<int32_t>;
using Merges = std::vector<std::pair<std::string, std::string>>;

class CharacterBpe {
 public:
  CharacterBpe(std::vector<std::string> tokens, Merges merges, Json options = Json::object()) {
    TokenizerFile file;
    options["type"] = "BPE";
    file.root["model"] = options;
    for (const auto& [left, right] : merges) tokens.push_back(left + right);
    for (const std::string& token : tokens) {
      file.vocab.emplace_back(token, static_cast<int64_t>(file.vocab.size()));
    }
    file.merges = std::move(merges);
    Diagnostics diagnostics;
    bpe_ = std::make_unique<Bpe>(file, /*byte_level=*/false, diagnostics);
    EXPECT_EQ(diagnostics.report("bpe"), "");
  }
  Ids encode(std::string_view text) {
    Ids ids;
    bpe_->encode_word(text, scratch_, ids);
    return ids;
  }

 private:
  std::unique_ptr<Bpe> bpe_;
  ModelScratch scratch_;
};

TEST(Bpe, SymbolsAreCharactersWithoutByteLevel) {
  CharacterBpe bpe({"\u00e9", "a"}, {{"\u00e9", "a"}});
  EXPECT_THAT(bpe.encode("\u00e9aa"), ElementsAre(2, 1));
  EXPECT_THAT(bpe.encode("\u00e8"), ElementsAre());  // no unk_token: dropped
}

TEST(Bpe, NeighboursOfADroppedCharacterMeet) {
  CharacterBpe bpe({"a", "b"}, {{"a", "b"}});
  EXPECT_THAT(bpe.encode("axb"), ElementsAre(2));
}

TEST(Bpe, UnknownCharactersAreFusedOnlyWithFuseUnk) {
  const std::vector<std::string> tokens = {"<unk>", "a"};
  CharacterBpe fused(tokens, {}, {{"unk_token", "<unk>"}, {"fuse_unk", true}});
  EXPECT_THAT(fused.encode("xyaz"), ElementsAre(0, 1, 0));
  CharacterBpe apart(tokens, {}, {{"unk_token", "<unk>"}});
  EXPECT_THAT(apart.encode("xyaz"), ElementsAre(0, 0, 1, 0));
}

TEST(Bpe, CharactersFallBackToBytesOnlyWhenAllOfTheirsAreThere) {
  CharacterBpe bpe(
      {"<unk>", "a", "<0xC3>", "<0xA9>"}, {}, {{"unk_token", "<unk>"}, {"byte_fallback", true}});
  EXPECT_THAT(bpe.encode("a\u00e9a"), ElementsAre(1, 2, 3, 1));
  EXPECT_THAT(bpe.encode("a\u00e8a"), ElementsAre(1, 0, 1));
  // The unknown one waits for the next known character: the order of `tokenizers`.
  EXPECT_THAT(bpe.encode("\u00e8\u00e9a"), ElementsAre(2, 3, 0, 1));
}

TEST(Bpe, AWholeWordOfTheVocabularyIgnoresMerges) {
  CharacterBpe bpe({"a", "b", "c", "abc"}, {{"b", "c"}}, {{"ignore_merges", true}});
  EXPECT_THAT(bpe.encode("abc"), ElementsAre(3));
  EXPECT_THAT(bpe.encode("abca"), ElementsAre(0, 4, 0));
}

// Merges by the definition: every step looks at every pair.
Ids merge_slowly(const MergeTable& table, Ids word) {
  while (true) {
    const MergeTable::Merge* best = nullptr;
    size_t place = 0;
    for (size_t i = 0; i + 1 < word.size(); ++i) {
      const MergeTable::Merge* merge = table.find(word[i], word[i + 1]);
      if (merge == nullptr || (best != nullptr && merge->rank >= best->rank)) continue;
      best = merge;
      place = i;
    }
    if (best == nullptr) return word;
    word[place] = best->id;
    word.erase(word.begin() + static_cast<ptrdiff_t>(place) + 1);
  }
}

// What a merge makes may merge again at once, since ranks are in any order.
TEST(Bpe, LongWordsAreMergedByTheDefinitionWhateverTheOrderOfRanks) {
  uint64_t state = 1;
  const auto below = [&](uint64_t limit) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<int32_t>((state >> 33) % limit);
  };
  MergeScratch scratch;
  for (int round = 0; round < 300; ++round) {
    constexpr int kMerges = 30;
    std::vector<uint32_t> ranks(kMerges);
    for (int i = 0; i < kMerges; ++i) {
      ranks[i] = static_cast<uint32_t>(i);
      std::swap(ranks[i], ranks[below(i + 1)]);
    }
    MergeTable table;
    table.reserve(kMerges);
    for (int i = 0; i < kMerges; ++i) table.insert(below(2 + i), below(2 + i), {ranks[i], 2 + i});
    Ids word;
    for (int i = 0; i < 41 + round; ++i) word.push_back(below(2));
    const Ids expected = merge_slowly(table, word);
    merge_word(table, word, scratch);
    ASSERT_EQ(word, expected) << round;
  }
}

TEST(Bpe, ATextCutAtItsSeamsGivesTheIdsOfTheWhole) {
  const Merges merges = {{"a", "b"}, {"_", "a"}, {"ab", "c"}, {"_", "_"}, {"_a", "b"}, {"c", "c"}};
  CharacterBpe bpe({"a", "b", "c", "_"}, merges);
  MergeTable table;
  table.reserve(merges.size());
  const std::vector<std::pair<int32_t, int32_t>> ids = {
      {0, 1}, {3, 0}, {4, 2}, {3, 3}, {5, 1}, {2, 2}};
  for (size_t i = 0; i < ids.size(); ++i) {
    table.insert(
        ids[i].first, ids[i].second, {static_cast<uint32_t>(i), static_cast<int32_t>(4 + i)});
  }
  uint64_t state = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    Ids symbols;
    for (int i = 0; i < 1 + round % 90; ++i) {
      state = state * 6364136223846793005ull + 1442695040888963407ull;
      const int32_t symbol = static_cast<int32_t>(state >> 62);
      text += "abc_"[symbol];
      symbols.push_back(symbol);
    }
    EXPECT_EQ(bpe.encode(text), merge_slowly(table, symbols)) << text;
  }
}

TEST(MergeSeams, LieWhereNoMergeJoinsAcross) {
  MergeSeams seams;
  seams.build({{"ab", "cd"}, {"\u2581", "a"}});
  EXPECT_FALSE(seams.between('b', 'c'));
  EXPECT_FALSE(seams.between(0x2581, 'a'));
  EXPECT_TRUE(seams.between('c', 'b'));
  EXPECT_TRUE(seams.between('d', 0x2581));
}

}  // namespace
}  // namespace ropewalk::tokenization
