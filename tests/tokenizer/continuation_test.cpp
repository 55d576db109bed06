// Text that continues a prompt, under decoders that take a space off the front of a text.
#include "tokenizer/continuation.h"

#include <gtest/gtest.h>

#include "formats/temporary_folder.h"
#include "ropewalk/base/json.h"
#include "ropewalk/tokenizer/tokenizer.h"
#include "tokenizer/codec.h"
#include "tokenizer/model_files.h"
#include "tokenizer/tokenizer_files.h"

namespace ropewalk {
namespace {

using Ids = std::vector<int32_t>;

// The ids of sentence_piece_model().
constexpr int32_t kBos = 1, kFirstByte = 3, kSpace = 260, kA = 261, kB = 262;

Ids bytes(std::string_view text) {
  Ids ids;
  for (const char c : text) ids.push_back(kFirstByte + static_cast<uint8_t>(c));
  return ids;
}

Ids joined(std::initializer_list<Ids> parts) {
  Ids all;
  for (const Ids& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// The same vocabulary in the form of Llama 2's tokenizer.json.
Json llama2_json(const Json& decoder) {
  Json vocab = {
      {"<unk>", 0}, {"<s>", 1}, {"</s>", 2}, {"<x>", 259}, {"▁", 260}, {"a", 261}, {"b", 262}};
  for (int byte = 0; byte < 256; ++byte) vocab[byte_piece(byte)] = kFirstByte + byte;
  vocab["ab"] = 263;
  const Json special = {{"id", 1}, {"content", "<s>"}, {"special", true}, {"normalized", false}};
  return {{"added_tokens", {special}},
          {"decoder", decoder},
          {"model",
           {{"type", "BPE"},
            {"unk_token", "<unk>"},
            {"byte_fallback", true},
            {"vocab", vocab},
            {"merges", Json::array({Json::array({"a", "b"})})}}}};
}

const Json kLlama2Decoder = Json::parse(R"({"type": "Sequence", "decoders": [
    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
    {"type": "ByteFallback"}, {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})");

class ContinuationTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string form = GetParam();
    if (form == "SentencePiece") {
      folder_.put("tokenizer.model", sentence_piece_model(/*dummy_prefix=*/true));
    } else {
      const Json metaspace = {{"type", "Metaspace"}, {"replacement", "▁"}};
      const Json fallback = {{"type", "Sequence"},
                             {"decoders", {{{"type", "ByteFallback"}}, metaspace}}};
      folder_.put("tokenizer.json",
                  llama2_json(form == "Metaspace" ? fallback : kLlama2Decoder).dump());
    }
    tokenizer_ = Tokenizer::load(folder_.path());
  }
  std::string continuation(const Ids& before, const Ids& ids) const {
    return tokenizer_->decode_continuation(before, ids);
  }
  TemporaryFolder folder_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

TEST_P(ContinuationTest, KeepsTheSpaceInFrontOfItsFirstWord) {
  EXPECT_EQ(tokenizer_->decode(Ids{kSpace, kB}), "b");
  EXPECT_EQ(continuation({kBos, kSpace, kA}, {kSpace, kB}), " b");
  EXPECT_EQ(continuation(Ids(100, kA), {kSpace, kB}), " b");
  EXPECT_EQ(continuation({kA}, {}), "");
}

TEST_P(ContinuationTest, IsAWholeTextAfterNoText) {
  EXPECT_EQ(continuation({}, {kSpace, kB}), "b");
  EXPECT_EQ(continuation(Ids(100, kBos), {kSpace, kB}), "b");
}

TEST_P(ContinuationTest, FindsTheTextBeforeAnyNumberOfSpecialTokens) {
  EXPECT_EQ(continuation(joined({{kSpace, kA}, Ids(100, kBos)}), {kSpace, kB}), " b");
}

TEST_P(ContinuationTest, CompletesTheCharacterThatThePromptCuts) {
  EXPECT_EQ(continuation(joined({{kSpace, kA}, bytes("\xE2\x82")}), bytes("\xAC!")), "€!");
  EXPECT_EQ(continuation(joined({{kSpace, kA}, bytes("\xE2\x82")}), {kB}), "b");
  EXPECT_EQ(continuation(bytes("\xE2\x82"), bytes("\xAC")), "€");
  EXPECT_EQ(continuation({kSpace, kA}, joined({{kB}, bytes("\xE2")})), "b\xEF\xBF\xBD");
}

TEST_P(ContinuationTest, CharactersThatBeginAlikeAreNotCut) {
  // Both are E2 82 .., and the text before is a run of bytes that the next one changes.
  EXPECT_EQ(continuation(joined({{kA}, bytes("€")}), bytes("₪")), "₪");
}

TEST_P(ContinuationTest, LongRunsOfBytesAreTakenWhole) {
  std::string run;
  for (int i = 0; i < 21; ++i) run += "€";
  EXPECT_EQ(continuation(joined({{kA}, bytes(run)}), bytes("€é")), "€é");
  EXPECT_EQ(continuation(joined({{kA}, bytes(run + "\xE2")}), bytes("\x82\xAC")), "€");
}

TEST_P(ContinuationTest, PiecesOfAStreamMakeTheWhole) {
  const Ids ids =
      joined({{kBos, kSpace, kA, kSpace, kSpace, kB}, bytes("é€"), {kSpace}, Ids(50, kA)});
  std::string text;
  size_t done = 0;
  for (size_t size = 1; size <= ids.size(); ++size) {
    const std::span all(ids);
    const std::string piece =
        tokenizer_->decode_continuation(all.first(done), all.subspan(done, size - done));
    if (piece.ends_with("\xEF\xBF\xBD")) continue;
    text += piece;
    done = size;
  }
  EXPECT_EQ(text, tokenizer_->decode(ids));
}

INSTANTIATE_TEST_SUITE_P(Forms,
                         ContinuationTest,
                         testing::Values("SentencePiece", "Llama2", "Metaspace"),
                         [](const auto& form) { return std::string(form.param); });

TEST(Continuation, CompletesCharactersOfByteLevelTokens) {
  TemporaryFolder folder;
  folder.put("tokenizer.json", tokenizer_json({{"a", "b"}}).dump());
  const auto tokenizer = Tokenizer::load(folder.path());
  EXPECT_EQ(tokenizer->decode_continuation(Ids{'a', 0xE2, 0x82}, Ids{0xAC, ' ', 'b'}), "€ b");
  EXPECT_EQ(tokenizer->decode_continuation(Ids(40, 0x82), Ids{'b'}), "b");
}

// Of every id the decoder looks at, one character.
class CountingCodec : public tokenization::Codec {
 public:
  void encode_append(std::string_view, std::vector<int32_t>&) const override {}
  std::string decode(std::span<const int32_t> ids, bool) const override {
    num_decoded += ids.size();
    return std::string(ids.size(), 'a');
  }
  std::optional<int32_t> find(const std::string&) const override { return std::nullopt; }
  int64_t num_ids() const override { return 1; }
  mutable size_t num_decoded = 0;
};

TEST(Continuation, AStreamDecodesFewIdsForEachOfItsOwn) {
  const CountingCodec codec;
  const Ids ids(10'000, 0);
  const std::span all(ids);
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(decode_continuation(codec, all.first(i), all.subspan(i, 1), true), "a");
  }
  EXPECT_LT(codec.num_decoded, 60 * ids.size());
}

}  // namespace
}  // namespace ropewalk
