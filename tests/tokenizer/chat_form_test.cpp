#include "ropewalk/tokenizer/chat_form.h"

#include <gmock/gmock.h>

#include <set>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/tokenizer/chat_text.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string rendered(const char* form, std::vector<ChatMessage> messages) {
  return render_chat(*find_chat_form(form), {"<s>", "</s>"}, messages).text;
}

const ChatMessage kUser = {ChatRole::kUser, " u ", true};
const ChatMessage kAnswer = {ChatRole::kAssistant, " a ", true};

TEST(ChatForm, NamesAreUniqueAndEveryAnswerEndsWithItsToken) {
  std::set<std::string_view> names;
  for (const ChatForm& form : chat_forms()) {
    EXPECT_TRUE(names.insert(form.name).second) << form.name;
    EXPECT_TRUE(form.answer_end.ends_with(form.turn_end)) << form.name;
    EXPECT_THAT(form.tokens, testing::Contains(form.turn_end)) << form.name;
  }
}

TEST(ChatForm, TheDefaultSystemMessageStandsOnlyWhereThereIsNone) {
  EXPECT_THAT(rendered("qwen2.5", {kUser, kAnswer}), HasSubstr("system\nYou are Qwen"));
  const std::string given = rendered("qwen2.5", {{ChatRole::kSystem, "", true}, kUser, kAnswer});
  EXPECT_THAT(given, testing::StartsWith("<|im_start|>system\n<|im_end|>\n<|im_start|>user\n u "));
}

TEST(ChatForm, WhiteSpaceGoesWhereTheFormTrims) {
  EXPECT_EQ(rendered("mistral-v0.2", {kUser, kAnswer}), "<s>[INST]  u  [/INST] a </s>");
  EXPECT_EQ(rendered("llama2", {kUser, kAnswer}), "<s>[INST] u [/INST] a </s>");
  // What Python's strip() takes, not only ASCII.
  EXPECT_EQ(rendered("llama2", {{ChatRole::kUser, "\x1c\u00a0\u3000u\u2028", true}, kAnswer}),
            "<s>[INST] u [/INST] a </s>");
}

TEST(ChatForm, AContentThatLooksLikeAPlaceholderStaysAsItIs) {
  EXPECT_THAT(rendered("zephyr", {{ChatRole::kUser, "{eos}{bos}", true}, kAnswer}),
              HasSubstr("<|user|>\n{eos}{bos}</s>\n"));
}

TEST(ChatForm, ATemplateOneCharacterAwayIsNotTaken) {
  const TemporaryFolder folder;
  folder.put("chat_template.jinja", "{% for m in messages %}{{ m['content'] }}{% endfor %}");
  EXPECT_THAT(error_of<DataError>([&] { choose_chat_form(folder.path(), ""); }),
              AllOf(HasSubstr("not one of the templates that are known"),
                    HasSubstr("begins \"{% for m in messages %}"),
                    HasSubstr("--chat-form"),
                    HasSubstr("chatml, ")));
  EXPECT_EQ(choose_chat_form(folder.path(), "gemma").name, "gemma");
}

TEST(ChatForm, ADamagedConfigurationIsNamed) {
  const TemporaryFolder folder;
  folder.put("tokenizer_config.json", R"({"chat_template": 3})");
  EXPECT_THAT(error_of<DataError>([&] { choose_chat_form(folder.path(), ""); }),
              HasSubstr("tokenizer_config.json: chat_template: is a JSON number"));
}

}  // namespace
}  // namespace ropewalk
