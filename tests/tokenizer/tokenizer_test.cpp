#include "ropewalk/tokenizer/tokenizer.h"

#include <gmock/gmock.h>

#include <thread>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"
#include "tokenizer/tokenizer_files.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

using Ids = std::vector<int32_t>;

class TokenizerTest : public testing::Test {
 protected:
  std::shared_ptr<const Tokenizer> load(const Json& content) {
    folder_.put("tokenizer.json", content.dump());
    return Tokenizer::load(folder_.path());
  }
  std::string fault(const Json& content) {
    return error_of<DataError>([&] { load(content); });
  }
  TemporaryFolder folder_;
};

// 256 "ab", 257 "bc", 258 "abc", 259 <s>, 260 </s>.
Json letters() { return tokenizer_json({{"a", "b"}, {"b", "c"}, {"ab", "c"}}); }

TEST_F(TokenizerTest, TheLowestRankIsMergedFirstAndTheLeftmostAmongEquals) {
  const auto tokenizer = load(letters());
  EXPECT_THAT(tokenizer->encode("abc"), ElementsAre(258));
  EXPECT_THAT(tokenizer->encode("bcb"), ElementsAre(257, 'b'));
  const auto pairs = load(tokenizer_json({{"a", "a"}}));
  EXPECT_THAT(pairs->encode("aaa"), ElementsAre(256, 'a'));
}

TEST_F(TokenizerTest, LongWordsAreMergedLikeShortOnes) {
  const auto tokenizer = load(tokenizer_json({{"a", "a"}, {"aa", "aa"}, {"b", "aa"}, {"aa", "b"}}));
  // No merge crosses "xy", so a long word's ids are those of its parts.
  const std::string part = "aaabaabaaaaabxy";
  const Ids of_part = tokenizer->encode(part);
  for (const int repeats : {2, 3, 10, 1000}) {
    std::string word;
    Ids expected;
    for (int i = 0; i < repeats; ++i) {
      word += part;
      expected.insert(expected.end(), of_part.begin(), of_part.end());
    }
    EXPECT_EQ(tokenizer->encode(word), expected) << repeats;
  }
}

TEST_F(TokenizerTest, SpecialTokensInsideTextBecomeTheirIds) {
  const auto tokenizer = load(letters());
  EXPECT_THAT(tokenizer->encode("ab<s>ab</s>"), ElementsAre(256, 259, 256, 260));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("ab<s>c")), "abc");
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("ab<s>c"), /*skip_special=*/false), "ab<s>c");
}

TEST_F(TokenizerTest, VocabSizeCountsAddedTokens) { EXPECT_EQ(load(letters())->vocab_size(), 261); }

TEST_F(TokenizerTest, CharactersCutInTwoDecodeToReplacements) {
  const auto tokenizer = load(letters());
  EXPECT_EQ(tokenizer->decode(Ids{'a', 0xE6, 0x97, 'b'}),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(tokenizer->decode(Ids{0xED, 0xA0, 0x80}), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(tokenizer->decode(Ids{0xE6, 0x97, 0xA5}), "日");
  EXPECT_EQ(tokenizer->decode(Ids{-1, 'a', 9999}), "a");
}

TEST_F(TokenizerTest, TextThatIsNotUtf8IsRefusedWithTheByte) {
  const auto tokenizer = load(letters());
  EXPECT_THAT(error_of<DataError>([&] { tokenizer->encode("abc\xFF"); }),
              AllOf(HasSubstr("byte 3"), HasSubstr("UTF-8")));
}

TEST_F(TokenizerTest, BosAndEosComeFromTheTokenizerConfig) {
  folder_.put("tokenizer_config.json",
              R"({"bos_token": "<s>", "eos_token": {"content": "</s>"}, "add_bos_token": true})");
  const auto tokenizer = load(letters());
  EXPECT_EQ(tokenizer->bos_id(), 259);
  EXPECT_EQ(tokenizer->eos_id(), 260);
  EXPECT_TRUE(tokenizer->add_bos());
  EXPECT_THAT(tokenizer->encode("ab", true), ElementsAre(259, 256));
  EXPECT_THAT(tokenizer->encode("ab"), ElementsAre(256));
}

TEST_F(TokenizerTest, WithoutATokenizerConfigNothingIsAdded) {
  const auto tokenizer = load(letters());
  EXPECT_EQ(tokenizer->bos_id(), std::nullopt);
  EXPECT_FALSE(tokenizer->add_bos());
  EXPECT_THAT(tokenizer->encode("ab", true), ElementsAre(256));
}

TEST_F(TokenizerTest, HashIsThatOfTheFile) {
  const std::string first = load(letters())->hash();
  EXPECT_EQ(Tokenizer::load(folder_ / "tokenizer.json")->hash(), first);
  EXPECT_NE(load(tokenizer_json({{"a", "b"}}))->hash(), first);
}

TEST_F(TokenizerTest, SeveralThreadsGetTheSameIds) {
  const auto tokenizer = load(letters());
  const std::string text = "abc cab bca it's 123 <s> abcabcabc";
  const Ids expected = tokenizer->encode(text);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) count += tokenizer->encode(text) != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, testing::Each(0));
}

TEST_F(TokenizerTest, EveryFaultIsReportedAtOnceWithTheFile) {
  Json content = letters();
  content["normalizer"] = {{"type", "Nmt"}};
  content["decoder"] = {{"type", "WordPiece"}};
  content["model"]["merges"].push_back({"no", "where"});
  EXPECT_THAT(fault(content),
              AllOf(HasSubstr("tokenizer.json"),
                    HasSubstr("Nmt"),
                    HasSubstr("WordPiece"),
                    HasSubstr("merges[3]"),
                    HasSubstr("'no' is not in model.vocab")));
}

TEST_F(TokenizerTest, AMissingFileIsNamed) {
  EXPECT_THAT(error_of<DataError>([&] { Tokenizer::load(folder_.path()); }),
              AllOf(HasSubstr((folder_ / "tokenizer.json").string()), HasSubstr("not found")));
}

TEST_F(TokenizerTest, DamagedFilesAreRefused) {
  const std::string whole = letters().dump();
  for (size_t size = 0; size < whole.size(); size += 97) {
    folder_.put("tokenizer.json", whole.substr(0, size));
    EXPECT_THAT(error_of<DataError>([&] { Tokenizer::load(folder_.path()); }),
                HasSubstr("tokenizer.json"))
        << size;
  }
}

TEST_F(TokenizerTest, IdsThatContradictEachOtherAreRefused) {
  Json twice = letters();
  twice["model"]["vocab"]["a"] = 7;
  EXPECT_THAT(fault(twice), HasSubstr("the id 7 twice"));
  Json other = letters();
  other["model"]["vocab"]["<s>"] = 500;
  EXPECT_THAT(fault(other), HasSubstr("'<s>' has the id 259 here and 500 in model.vocab"));
  Json huge = letters();
  huge["model"]["vocab"]["<far>"] = 2000000000;
  EXPECT_THAT(fault(huge), HasSubstr("2000000000"));
  Json negative = letters();
  negative["added_tokens"][0]["id"] = -1;
  EXPECT_THAT(fault(negative), HasSubstr("added_tokens[0]"));
}

TEST_F(TokenizerTest, IdsThatLeaveMuchUnusedAreRefused) {
  Json far = letters();
  far["model"]["vocab"]["<far>"] = (1 << 20) + 1000;
  EXPECT_THAT(fault(far), HasSubstr("unused ids"));
  far["model"]["vocab"]["<far>"] = 1000;
  EXPECT_EQ(load(far)->vocab_size(), 1001);
}

TEST_F(TokenizerTest, NumbersThatAreNoIdsAreRefused) {
  for (const Json& id : {Json(1e300), Json(0.5), Json(-1), Json(1ll << 31), Json("1")}) {
    Json added = letters();
    added["added_tokens"][0]["id"] = id;
    EXPECT_THAT(fault(added), HasSubstr("added_tokens[0]: id")) << id;
    Json around = letters();
    around["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single", {{{"SpecialToken", {{"id", "<s>"}}}}, {{"Sequence", {{"id", "A"}}}}}},
        {"special_tokens", {{"<s>", {{"ids", {id}}}}}}};
    EXPECT_THAT(fault(around), HasSubstr("post_processor.single[0]: has the id")) << id;
  }
}

TEST_F(TokenizerTest, WhatStandsBehindANulByteIsNotHidden) {
  folder_.put("tokenizer.json", letters().dump() + std::string("\0}", 2));
  EXPECT_THAT(error_of<DataError>([&] { Tokenizer::load(folder_.path()); }), HasSubstr("NUL"));
}

TEST_F(TokenizerTest, StepsThatDoubleTheTextAreRefusedWhenUsed) {
  const Json twice = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}};
  Json growing = letters();
  growing["normalizer"] = {{"type", "Sequence"}, {"normalizers", std::vector<Json>(60, twice)}};
  EXPECT_THAT(error_of<DataError>([&] { load(growing)->encode("a"); }), HasSubstr("longer than"));
  Json shown = letters();
  shown["decoder"] = {{"type", "Sequence"}, {"decoders", std::vector<Json>(60, twice)}};
  EXPECT_THAT(error_of<DataError>([&] { load(shown)->decode(Ids{'a'}); }),
              HasSubstr("longer than"));
}

TEST_F(TokenizerTest, ByteLevelMustComeLast) {
  Json content = letters();
  const Json byte_level = content["pre_tokenizer"];
  content["pre_tokenizer"] = {{"type", "Sequence"},
                              {"pretokenizers", {byte_level, {{"type", "Digits"}}}}};
  EXPECT_THAT(fault(content), HasSubstr("expected ByteLevel last"));
}

}  // namespace
}  // namespace ropewalk
