#include "ropewalk/tokenizer/chat_text.h"

#include "ropewalk/base/errors.h"
#include "tokenizer/unicode/characters.h"

namespace ropewalk {
namespace {

// Python's str.strip() also takes the four separators U+001C..U+001F.
bool is_stripped(int32_t code_point) {
  return tokenization::is_white_space(code_point) || (code_point >= 0x1c && code_point <= 0x1f);
}

std::string_view strip(std::string_view text) {
  while (!text.empty()) {
    const tokenization::CodePoint first = tokenization::first_code_point(text);
    if (!is_stripped(first.value)) break;
    text.remove_prefix(first.size);
  }
  while (!text.empty()) {
    const tokenization::CodePoint last = tokenization::last_code_point(text);
    if (!is_stripped(last.value)) break;
    text.remove_suffix(last.size);
  }
  return text;
}

std::string_view content_of(const ChatTurn& turn, std::string_view content) {
  return turn.trim == Trim::kNone ? content : strip(content);
}

const char* name_of(ChatRole role) {
  switch (role) {
    case ChatRole::kSystem:
      return "system";
    case ChatRole::kUser:
      return "user";
    case ChatRole::kAssistant:
      return "assistant";
  }
  return "";
}

class Renderer {
 public:
  Renderer(const ChatForm& form, const ChatTokens& tokens) : form_(form), tokens_(tokens) {}

  ChatText render(std::span<const ChatMessage> messages) {
    add(form_.begin);
    std::optional<std::string_view> system = form_.default_system;
    if (!messages.empty() && messages.front().role == ChatRole::kSystem) {
      system = messages.front().content;
      messages = messages.subspan(1);
    }
    const bool joined = form_.system_place == SystemPlace::kFirstUser;
    if (system && !joined && !(system->empty() && form_.omit_empty_system)) add_system(*system);
    for (const ChatMessage& message : messages) {
      if (message.role == ChatRole::kAssistant) {
        add_answer(message);
      } else {
        add_user(message.content, joined ? system : std::nullopt);
        system.reset();
      }
    }
    add(form_.end);
    return std::move(result_);
  }

 private:
  void add(std::string_view text) { result_.text += fill_chat_tokens(text, tokens_); }

  void add_system(std::string_view content) {
    add(form_.system.before);
    result_.text += content_of(form_.system, content);
    add(form_.system.after);
  }

  void add_user(std::string_view content, std::optional<std::string_view> system) {
    add(form_.user.before);
    if (form_.user.trim == Trim::kJoined && system) {
      const size_t begin = result_.text.size();
      add_system(*system);
      result_.text += content;
      const std::string joined(strip(std::string_view(result_.text).substr(begin)));
      result_.text.replace(begin, std::string::npos, joined);
    } else {
      if (system) add_system(*system);
      result_.text += content_of(form_.user, content);
    }
    add(form_.user.after);
  }

  void add_answer(const ChatMessage& message) {
    add(form_.answer.before);
    ChatText::Answer answer{result_.text.size(), 0, message.trained};
    add(form_.answer_lead);
    result_.text += content_of(form_.answer, message.content);
    add(form_.answer_end);
    answer.end = result_.text.size();
    result_.answers.push_back(answer);
    add(form_.answer.after);
  }

  const ChatForm& form_;
  const ChatTokens& tokens_;
  ChatText result_;
};

void check_role(const ChatForm& form,
                std::span<const ChatMessage> messages,
                size_t index,
                const std::string& where,
                Diagnostics& diagnostics) {
  const ChatRole role = messages[index].role;
  if (role == ChatRole::kSystem) {
    if (form.system_place == SystemPlace::kRefused) {
      diagnostics.error(where,
                        "a system message, for which the form '" + std::string(form.name) +
                            "' has no place; put its text into the first user message");
    } else if (index > 0) {
      diagnostics.error(where, "a system message after others; expected it first or not at all");
    }
    return;
  }
  if (form.order == TurnOrder::kAny) return;
  const bool first = index == 0 || messages[index - 1].role == ChatRole::kSystem;
  const ChatRole expected = first || messages[index - 1].role == ChatRole::kAssistant
                                ? ChatRole::kUser
                                : ChatRole::kAssistant;
  if (role != expected) {
    diagnostics.error(where,
                      std::string("role '") + name_of(role) + "', expected '" + name_of(expected) +
                          "': in the form '" + std::string(form.name) +
                          "' user and assistant alternate, user first");
  }
}

}  // namespace

std::string fill_chat_tokens(std::string_view text, const ChatTokens& tokens) {
  std::string filled(text);
  for (const auto& [name, token] : {std::pair{"{bos}", &tokens.bos}, {"{eos}", &tokens.eos}}) {
    for (size_t at = filled.find(name); at != std::string::npos;
         at = filled.find(name, at + token->size())) {
      filled.replace(at, std::string_view(name).size(), *token);
    }
  }
  return filled;
}

void check_chat(const ChatForm& form,
                std::span<const ChatMessage> messages,
                const std::string& list,
                Diagnostics& diagnostics) {
  size_t num_answers = 0;
  size_t num_trained = 0;
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string where = list + "[" + std::to_string(i) + "]";
    check_role(form, messages, i, where, diagnostics);
    if (messages[i].role != ChatRole::kAssistant) continue;
    ++num_answers;
    if (messages[i].trained) ++num_trained;
    if (strip(messages[i].content).empty()) diagnostics.error(where, "an empty answer");
  }
  if (num_answers == 0) {
    diagnostics.error(list, "holds no assistant message, so nothing to train on");
  } else if (num_trained == 0) {
    diagnostics.error(list, "every assistant message is left out of the loss; train at least one");
  }
}

ChatText render_chat(const ChatForm& form,
                     const ChatTokens& tokens,
                     std::span<const ChatMessage> messages) {
  return Renderer(form, tokens).render(messages);
}

}  // namespace ropewalk
