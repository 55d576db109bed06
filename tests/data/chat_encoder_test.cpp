#include "ropewalk/data/chat_encoder.h"

#include <gmock/gmock.h>

#include <thread>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"
#include "tokenizer/tokenizer_files.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Bytes as tokens, plus " b", plus "<s>", "</s>" and ChatML's two.
class ChatEncoderTest : public testing::Test {
 protected:
  ChatEncoderTest() {
    Json content = tokenizer_json({{"\u0120", "b"}});
    for (const char* token : {"<|im_start|>", "<|im_end|>"}) {
      content["added_tokens"].push_back(
          {{"id", 259 + added_++}, {"content", token}, {"special", true}, {"normalized", false}});
    }
    folder_.put("tokenizer.json", content.dump());
    folder_.put("tokenizer_config.json", R"({"bos_token": "<s>", "eos_token": "</s>"})");
    tokenizer_ = Tokenizer::load(folder_.path());
  }

  EncodedDocument encode(const std::string& line, const char* form) const {
    EncodedDocument encoded;
    make_chat_encoder(tokenizer_, find_chat_form(form))->encode({line, 1}, encoded);
    return encoded;
  }
  std::string fault(const std::string& line, const char* form) const {
    return error_of<DataError>([&] { encode(line, form); });
  }
  // The texts of the runs of trained tokens.
  std::vector<std::string> trained(const EncodedDocument& encoded) const {
    std::vector<std::string> texts;
    for (size_t i = 0; i < encoded.ids.size(); ++i) {
      if (encoded.trained[i] == 0) continue;
      if (i == 0 || encoded.trained[i - 1] == 0) texts.emplace_back();
      texts.back() += tokenizer_->decode({&encoded.ids[i], 1}, false);
    }
    return texts;
  }

  TemporaryFolder folder_;
  int added_ = 0;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

constexpr const char* kChat =
    R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"},
        {"role": "assistant", "content": "one"}, {"role": "user", "content": "v"},
        {"role": "assistant", "content": "two"}]})";

TEST_F(ChatEncoderTest, AnswersAndTheirEndsAreTrained) {
  const EncodedDocument encoded = encode(kChat, "chatml");
  EXPECT_EQ(encoded.ids,
            tokenizer_->encode("<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nu<|im_end|>\n"
                               "<|im_start|>assistant\none<|im_end|>\n<|im_start|>user\nv<|im_end|>"
                               "\n<|im_start|>assistant\ntwo<|im_end|>\n"));
  EXPECT_THAT(trained(encoded), ElementsAre("one<|im_end|>", "two<|im_end|>"));
}

TEST_F(ChatEncoderTest, ASpaceThatTheModelProducesBelongsToTheAnswer) {
  const EncodedDocument encoded = encode(kChat, "llama2");
  EXPECT_EQ(tokenizer_->decode(encoded.ids, false),
            "<s>[INST] <<SYS>>\ns\n<</SYS>>\n\nu [/INST] one </s><s>[INST] v [/INST] two </s>");
  EXPECT_THAT(trained(encoded), ElementsAre(" one </s>", " two </s>"));
}

TEST_F(ChatEncoderTest, ATokenAcrossTheBorderBelongsToTheCompletion) {
  const EncodedDocument across = encode(R"({"prompt": "a ", "completion": "bc"})", "");
  EXPECT_EQ(across.ids, tokenizer_->encode("a bc</s>"));
  EXPECT_THAT(trained(across), ElementsAre(" bc</s>"));
  const EncodedDocument beside = encode(R"({"prompt": "a", "completion": " bc"})", "");
  EXPECT_EQ(beside.ids, across.ids);
  EXPECT_EQ(beside.trained, across.trained);
}

TEST_F(ChatEncoderTest, OneEncoderServesManyThreads) {
  const auto encoder = make_chat_encoder(tokenizer_, find_chat_form("chatml"));
  const EncodedDocument expected = encode(kChat, "chatml");
  std::vector<std::thread> threads;
  std::vector<int> equal(4, 0);
  for (int& count : equal) {
    threads.emplace_back([&] {
      EncodedDocument encoded;
      for (int i = 0; i < 50; ++i) {
        encoder->encode({kChat, i}, encoded);
        count += encoded.ids == expected.ids && encoded.trained == expected.trained;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(equal, testing::Each(50));
}

TEST_F(ChatEncoderTest, AllFaultsOfALineAreTold) {
  EXPECT_THAT(fault(R"({"messages": [{"role": "user", "content": "a</s>"},
                                      {"role": "assistant", "content": " "}]})",
                    "chatml"),
              AllOf(HasSubstr("messages[0]: spells the special token '</s>'"),
                    HasSubstr("messages[1]: an empty answer")));
  EXPECT_THAT(fault(kChat, ""), HasSubstr("messages need a chat form"));
}

TEST_F(ChatEncoderTest, AFormWhoseTokensAreMissingIsRefused) {
  EXPECT_THAT(error_of<DataError>([&] { make_chat_encoder(tokenizer_, find_chat_form("gemma")); }),
              AllOf(HasSubstr("chat form 'gemma': 2 faults"), HasSubstr("'<end_of_turn>'")));
}

}  // namespace
}  // namespace ropewalk
