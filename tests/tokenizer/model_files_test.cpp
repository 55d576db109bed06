// tokenizer.model: SentencePiece's and tiktoken's.
#include "tokenizer/model_files.h"

#include <gmock/gmock.h>

#include <thread>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_files.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

using Ids = std::vector<int32_t>;

class ModelFilesTest : public testing::Test {
 protected:
  std::shared_ptr<const Tokenizer> load(const std::string& content) {
    folder_.put("tokenizer.model", content);
    return Tokenizer::load(folder_.path());
  }
  std::string fault(const std::string& content) {
    return error_of<DataError>([&] { load(content); });
  }
  TemporaryFolder folder_;
};

TEST_F(ModelFilesTest, SentencePiecesAreMergedAndFallBackToBytes) {
  const auto tokenizer = load(sentence_piece_model());
  EXPECT_EQ(tokenizer->vocab_size(), 264);
  EXPECT_THAT(tokenizer->encode("ab a"), ElementsAre(263, 260, 261));
  EXPECT_THAT(tokenizer->encode("aé"), ElementsAre(261, 3 + 0xC3, 3 + 0xA9));
  EXPECT_EQ(tokenizer->decode(Ids{263, 260, 261, 3 + 0xC3, 3 + 0xA9}), "ab aé");
  EXPECT_EQ(tokenizer->decode(Ids{3 + 0xC3, 261}),
            "\xEF\xBF\xBD"
            "a");
}

TEST_F(ModelFilesTest, WhatTheLibraryThrowsIsTold) {
  // A piece whose text begins with a NUL byte, which the library's trie takes for its end.
  const std::string model = sentence_piece_model(
      {{"<unk>", 0, PieceType::kUnknown}, {std::string("\0", 1), -1}, {"a", -1}}, {.kind = 1});
  EXPECT_THAT(fault(model), HasSubstr("cannot be read"));
}

TEST_F(ModelFilesTest, MapsOfCharactersThatLeadOutOfThemselvesAreRefused) {
  constexpr int kNormalizer = 3, kDenormalizer = 5, kCharacterMap = 2;
  const std::string map("\4\0\0\0\xFF\xFF\xFF\xFF\0", 9);
  for (const int part : {kNormalizer, kDenormalizer}) {
    const std::string model =
        sentence_piece_model() + bytes_field(part, bytes_field(kCharacterMap, map));
    EXPECT_THAT(fault(model), HasSubstr("map of characters")) << part;
  }
}

TEST_F(ModelFilesTest, NulBytesAreText) {
  const auto tokenizer = load(sentence_piece_model());
  const std::string text("a\0b", 3);
  EXPECT_THAT(tokenizer->encode(text), ElementsAre(261, 3, 262));
  EXPECT_EQ(tokenizer->decode(Ids{261, 3, 262}), text);
}

TEST_F(ModelFilesTest, UserDefinedSymbolsAreFoundInTextAndControlSymbolsAreNot) {
  const auto tokenizer = load(sentence_piece_model());
  EXPECT_THAT(tokenizer->encode("a<x>b"), ElementsAre(261, 259, 262));
  EXPECT_THAT(tokenizer->encode("<s>"), ElementsAre(3 + '<', 3 + 's', 3 + '>'));
  EXPECT_EQ(tokenizer->decode(Ids{1, 261, 259, 2, 9999, -1}), "a<x>");
  EXPECT_EQ(tokenizer->token_id("<s>"), 1);
  EXPECT_EQ(tokenizer->token_id("<unk>"), 0);
  EXPECT_EQ(tokenizer->token_id("nowhere"), std::nullopt);
}

TEST_F(ModelFilesTest, SentencePieceAddsBosAndEosOnlyWhenTheConfigSaysSo) {
  const auto plain = load(sentence_piece_model());
  EXPECT_EQ(plain->bos_id(), 1);
  EXPECT_EQ(plain->eos_id(), 2);
  EXPECT_FALSE(plain->add_bos());
  EXPECT_THAT(plain->encode("a", true), ElementsAre(261));
  folder_.put("tokenizer_config.json", R"({"add_bos_token": true, "add_eos_token": true})");
  const auto switched = Tokenizer::load(folder_.path());
  EXPECT_TRUE(switched->add_bos());
  EXPECT_THAT(switched->encode("a", true), ElementsAre(1, 261, 2));
  folder_.put("tokenizer_config.json", R"({"eos_token": "<x>", "add_eos_token": true})");
  EXPECT_THAT(Tokenizer::load(folder_.path())->encode("a", true), ElementsAre(261, 259));
}

TEST_F(ModelFilesTest, SentencePieceModelsThatAreCutAreRefused) {
  const std::string whole = sentence_piece_model();
  for (size_t size = 0; size < whole.size(); ++size) {
    folder_.put("tokenizer.model", whole.substr(0, size));
    ASSERT_THAT(error_of<DataError>([&] { Tokenizer::load(folder_.path()); }),
                HasSubstr("tokenizer.model"))
        << size;
  }
}

TEST_F(ModelFilesTest, SeveralThreadsGetTheSamePieces) {
  const auto tokenizer = load(sentence_piece_model());
  const std::string text = "ab ba<x> aé abab bbab";
  const Ids expected = tokenizer->encode(text);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) count += tokenizer->encode(text) != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, testing::Each(0));
}

TEST_F(ModelFilesTest, TokensAddedBesideTheModelAreRefusedByName) {
  folder_.put("tokenizer_config.json",
              R"({"added_tokens_decoder": {"1": {"content": "<s>"}, "264": {"content": "<y>"}}})");
  folder_.put("added_tokens.json", R"({"<x>": 259, "<s>": 7})");
  EXPECT_THAT(fault(sentence_piece_model()),
              AllOf(HasSubstr("2 faults"),
                    HasSubstr("added_tokens_decoder.264"),
                    HasSubstr("<y>"),
                    HasSubstr("added_tokens.json: <s>")));
}

TEST_F(ModelFilesTest, WhatIsNeitherFormatIsRefused) {
  EXPECT_THAT(fault("version https://git-lfs.github.com/spec/v1\n"),
              AllOf(HasSubstr("tokenizer.model"), HasSubstr("git lfs")));
  EXPECT_THAT(fault(""), HasSubstr("tokenizer.model"));
}

TEST_F(ModelFilesTest, TiktokenMergesWhatTogetherIsAToken) {
  // 256 "ab", 257 "bc", 258 "abc", 259 "xyz".
  const auto tokenizer = load(tiktoken_list({"ab", "bc", "abc", "xyz"}));
  EXPECT_EQ(tokenizer->vocab_size(), 128'256);
  EXPECT_THAT(tokenizer->encode("abc"), ElementsAre(258));
  EXPECT_THAT(tokenizer->encode("abcbcb"), ElementsAre(258, 257, 'b'));
  // A word that is a token is one, though no merges lead to it.
  EXPECT_THAT(tokenizer->encode("xyz"), ElementsAre(259));
  EXPECT_THAT(tokenizer->encode("xyzx"), ElementsAre('x', 'y', 'z', 'x'));
  EXPECT_EQ(tokenizer->decode(Ids{258, ' ', 0xC3, 0xA9}), "abc é");
}

TEST_F(ModelFilesTest, LlamaSpecialTokensFollowTheBaseTokens) {
  const auto llama3 = load(tiktoken_list({}));
  EXPECT_EQ(llama3->bos_id(), 128'000);
  EXPECT_EQ(llama3->eos_id(), 128'001);
  EXPECT_TRUE(llama3->add_bos());
  EXPECT_EQ(llama3->token_id("<|eot_id|>"), 128'009);
  EXPECT_EQ(llama3->token_id("<|reserved_special_token_245|>"), 128'255);
  EXPECT_THAT(llama3->encode("a<|eot_id|>", true), ElementsAre(128'000, 'a', 128'009));
  const auto llama4 = load(tiktoken_list({}, 200'000));
  EXPECT_EQ(llama4->vocab_size(), 202'048);
  EXPECT_EQ(llama4->token_id("<|reasoning_thinking_end|>"), 201'143);
  EXPECT_EQ(llama4->token_id("<|reserved_special_token_903|>"), 202'047);
}

TEST_F(ModelFilesTest, TiktokenListsOfUnknownSizeAreRefused) {
  EXPECT_THAT(fault(tiktoken_list({"ab"}, 300)),
              AllOf(HasSubstr("300 tokens"), HasSubstr("tokenizer.json")));
}

TEST_F(ModelFilesTest, FaultyTiktokenLinesAreNamed) {
  std::string list = tiktoken_list({"ab"});
  list.replace(list.find(" 7\n"), 3, " 8\n");
  list.replace(list.find(" 300\n"), 5, "! 300\n");
  EXPECT_THAT(fault(list),
              AllOf(HasSubstr("line 8: found the rank 8; expected 7"), HasSubstr("line 301")));
  std::string twice = tiktoken_list({"ab", "ab"});
  EXPECT_THAT(fault(twice), HasSubstr("'ab' twice"));
  std::string cut = tiktoken_list({"ab"});
  cut.resize(cut.size() / 2);
  EXPECT_THAT(fault(cut), HasSubstr("tokenizer.model"));
  const std::string word = base64("Q") + " 81\n";
  std::string lacking = tiktoken_list({"ab"});
  lacking.replace(lacking.find(word), word.size(), base64("QQ") + " 81\n");
  EXPECT_THAT(fault(lacking), HasSubstr("255 of them are single bytes"));
}

TEST_F(ModelFilesTest, TokenizerJsonIsPreferredAndFilesAreTakenAsTheyAre) {
  folder_.put("other.name", sentence_piece_model());
  EXPECT_EQ(tokenizer_file_of(folder_.path()), std::nullopt);
  EXPECT_EQ(Tokenizer::load(folder_ / "other.name")->vocab_size(), 264);
  const auto model = load(sentence_piece_model());
  EXPECT_EQ(tokenizer_file_of(folder_.path()), folder_ / "tokenizer.model");
  EXPECT_EQ(model->hash(), hash_file(folder_ / "tokenizer.model"));
  folder_.put("tokenizer.json", tokenizer_json({{"a", "b"}}).dump(2));
  EXPECT_EQ(tokenizer_file_of(folder_.path()), folder_ / "tokenizer.json");
  EXPECT_EQ(Tokenizer::load(folder_.path())->vocab_size(), 259);
  folder_.put("json.txt", tokenizer_json({{"a", "b"}}).dump(2));
  EXPECT_EQ(Tokenizer::load(folder_ / "json.txt")->vocab_size(), 259);
}

}  // namespace
}  // namespace ropewalk
