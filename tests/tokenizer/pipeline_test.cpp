// Normalizers, pre-tokenizers and decoders, each as tokenizer.json writes them.
#include <gmock/gmock.h>

#include "tokenizer/pipeline/decoder_steps.h"
#include "tokenizer/pipeline/normalizer.h"
#include "tokenizer/pipeline/pre_tokenizer.h"

namespace ropewalk::tokenization {
namespace {

using testing::ElementsAre;
using Strings = std::vector<std::string>;

std::string normalized(const char* json, const std::string& text, size_t* at_start = nullptr) {
  Diagnostics diagnostics;
  const Normalizer normalizer(Json::parse(json), diagnostics);
  EXPECT_EQ(diagnostics.report("normalizer"), "");
  NormalizerScratch scratch;
  const TextPiece piece = normalizer.apply({text, 1}, scratch);
  if (at_start != nullptr) *at_start = piece.at_start;
  return std::string(piece.text);
}

Strings words(const char* json, const std::string& text, size_t at_start = 1) {
  Diagnostics diagnostics;
  const PreTokenizer pre_tokenizer(Json::parse(json), diagnostics);
  EXPECT_EQ(diagnostics.report("pre_tokenizer"), "");
  PreTokenizerScratch scratch;
  Strings result;
  pre_tokenizer.split(
      {text, at_start}, scratch, [&](std::string_view w) { result.emplace_back(w); });
  return result;
}

std::string decoded(const char* json, const Strings& tokens) {
  Diagnostics diagnostics;
  const DecoderSteps steps(Json::parse(json), diagnostics);
  EXPECT_EQ(diagnostics.report("decoder"), "");
  return steps.decode(tokens);
}

TEST(Normalizer, StepsFollowOneAnother) {
  EXPECT_EQ(normalized(R"({"type": "Sequence", "normalizers": [
                {"type": "Strip", "strip_left": true, "strip_right": true},
                {"type": "Prepend", "prepend": "_"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "_"},
                {"type": "Lowercase"}]})",
                       "  The Cat "),
            "_the_cat");
}

TEST(Normalizer, NothingIsPutBeforeOrIntoAnEmptyText) {
  EXPECT_EQ(normalized(R"({"type": "Prepend", "prepend": "_"})", ""), "");
  const char* replace = R"({"type": "Replace", "pattern": {"Regex": "x*"}, "content": "-"})";
  EXPECT_EQ(normalized(replace, ""), "");
  EXPECT_EQ(normalized(replace, "axxb"), "-a-b-");
}

TEST(Normalizer, KnowsWhatStemsFromTheFirstCharacter) {
  size_t at_start = 0;
  normalized(R"({"type": "Prepend", "prepend": "__"})", "ab", &at_start);
  EXPECT_EQ(at_start, 3);
  normalized(R"({"type": "Strip", "strip_left": true, "strip_right": false})", " ab", &at_start);
  EXPECT_EQ(at_start, 0);
  normalized(
      R"({"type": "Replace", "pattern": {"String": "a"}, "content": "xyz"})", "ab", &at_start);
  EXPECT_EQ(at_start, 3);
  normalized(
      R"({"type": "Replace", "pattern": {"String": "ab"}, "content": "xyz"})", "ab", &at_start);
  EXPECT_EQ(at_start, 0);  // stands for the b, as in `tokenizers`
}

TEST(Normalizer, CapitalsBecomeSmallOneByOne) {
  const char* lower = R"({"type": "Lowercase"})";
  EXPECT_EQ(normalized(lower, "\u0130\u03a3"), "i\u0307\u03c3");
  EXPECT_EQ(normalized(lower, "\U00010D50"), "\U00010D70");  // younger than utf8proc's tables
}

TEST(PreTokenizer, MetaspaceMarksTheFirstPieceOnlyWhereTheTextBegins) {
  const char* first = R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "first"})";
  EXPECT_THAT(words(first, "a  b"), ElementsAre("_a", "_", "_b"));
  EXPECT_THAT(words(first, "a b", 0), ElementsAre("a", "_b"));
  EXPECT_THAT(words(first, " a"), ElementsAre("_a"));
  const char* older = R"({"type": "Metaspace", "replacement": "_", "add_prefix_space": false})";
  EXPECT_THAT(words(older, "a b"), ElementsAre("a", "_b"));
  const char* whole = R"({"type": "Metaspace", "replacement": "_", "split": false})";
  EXPECT_THAT(words(whole, "a b", 0), ElementsAre("_a_b"));
}

TEST(PreTokenizer, OnlyTheFirstOfSeveralPiecesIsMarked) {
  EXPECT_THAT(words(R"({"type": "Sequence", "pretokenizers": [
                  {"type": "Punctuation"},
                  {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first"}]})",
                    "a,b"),
              ElementsAre("_a", ",", "b"));
}

TEST(PreTokenizer, CutsAtClassesOfCharacters) {
  EXPECT_THAT(words(R"({"type": "Whitespace"})", "it's  3$!"),
              ElementsAre("it", "'", "s", "3", "$!"));
  EXPECT_THAT(words(R"({"type": "WhitespaceSplit"})", " it's\u3000a "), ElementsAre("it's", "a"));
  EXPECT_THAT(words(R"({"type": "CharDelimiterSplit", "delimiter": "-"})", "a--b"),
              ElementsAre("a", "b"));
  EXPECT_THAT(words(R"({"type": "Punctuation", "behavior": "Contiguous"})", "a$!b"),
              ElementsAre("a", "$!", "b"));
}

TEST(DecoderSteps, LlamasStepsGiveTextAndBytes) {
  const char* llama = R"({"type": "Sequence", "decoders": [
      {"type": "Replace", "pattern": {"String": "_"}, "content": " "}, {"type": "ByteFallback"},
      {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})";
  EXPECT_EQ(decoded(llama, {"__a", "<0xC3>", "<0xA9>", "_b"}), " a\u00e9 b");
  EXPECT_EQ(decoded(llama, {"<0xC3>", "<0xA9>", "<0xC3>", "b"}), "\uFFFD\uFFFD\uFFFDb");
}

TEST(DecoderSteps, MetaspaceTakesEveryReplacementOutOfTheFirstToken) {
  EXPECT_EQ(decoded(R"({"type": "Metaspace", "replacement": "_"})", {"_a_b", "_c"}), "ab c");
  EXPECT_EQ(decoded(R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "never"})",
                    {"_a", "_c"}),
            " a c");
}

}  // namespace
}  // namespace ropewalk::tokenization
