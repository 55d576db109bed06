// A conversation written as text in a chat form, with the places that the loss is on.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/tokenizer/chat_form.h"

namespace ropewalk {

enum class ChatRole { kSystem, kUser, kAssistant };

struct ChatMessage {
  ChatRole role = ChatRole::kUser;
  std::string content;
  bool trained = true;  // of an answer: whether the loss is on it
};

struct ChatText {
  struct Answer {
    size_t begin = 0;  // bytes of `text`, from what the model has to produce first...
    size_t end = 0;    // ...to behind the token that ends its turn
    bool trained = true;
  };
  std::string text;
  std::vector<Answer> answers;
};

// What stands for "{bos}" and "{eos}" in the forms.
struct ChatTokens {
  std::string bos;
  std::string eos;
};
std::string fill_chat_tokens(std::string_view text, const ChatTokens& tokens);

// Faults of the order of roles, no answer to train on, empty answers. `where` of a fault is
// "messages[3]", with `list` as the name.
void check_chat(const ChatForm& form,
                std::span<const ChatMessage> messages,
                const std::string& list,
                Diagnostics& diagnostics);

// Messages that check_chat() finds no fault with.
ChatText render_chat(const ChatForm& form,
                     const ChatTokens& tokens,
                     std::span<const ChatMessage> messages);

}  // namespace ropewalk
