#include "data/chat/chat_line.h"

#include <utility>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"

namespace ropewalk {
namespace {

// The two namings of the field: OpenAI's and ShareGPT's.
struct MessageKeys {
  const char* role;
  const char* content;
};
constexpr MessageKeys kMessages = {"role", "content"};
constexpr MessageKeys kConversations = {"from", "value"};

std::optional<ChatRole> role_named(const std::string& name) {
  if (name == "system") return ChatRole::kSystem;
  if (name == "user" || name == "human") return ChatRole::kUser;
  if (name == "assistant" || name == "gpt") return ChatRole::kAssistant;
  return std::nullopt;
}

bool is_given(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return false;
  return !(found->is_array() || found->is_string()) || !found->empty();
}

class LineReader {
 public:
  explicit LineReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  ChatLine read(const Json& line) {
    ChatLine result;
    if (!line.is_object()) {
      fault("line", std::string("is a JSON ") + line.type_name() + ", expected an object");
      return result;
    }
    refuse(line, {"tools", "functions"}, "");
    const bool has_completion = line.contains("prompt") || line.contains("completion");
    const int kinds =
        int(line.contains("messages")) + int(line.contains("conversations")) + int(has_completion);
    if (kinds != 1) {
      fault("line",
            std::string(kinds == 0 ? "has none" : "has more than one") +
                " of 'messages', 'conversations' and 'prompt' with 'completion'; expected one");
    } else if (has_completion) {
      read_completion(line, result);
    } else {
      result.list = line.contains("messages") ? "messages" : "conversations";
      read_messages(line[result.list],
                    result.list,
                    result.list == "messages" ? kMessages : kConversations,
                    result.messages);
    }
    return result;
  }

 private:
  void fault(const std::string& where, const std::string& text) { diagnostics_.error(where, text); }

  // Fields that would have to be written into the text, which no form here does.
  void refuse(const Json& object,
              std::initializer_list<const char*> keys,
              const std::string& prefix) {
    for (const char* key : keys) {
      if (is_given(object, key)) {
        fault(prefix + key, "is not supported: the forms have no place for it; leave it out");
      }
    }
  }

  void read_completion(const Json& line, ChatLine& result) {
    for (const char* key : {"prompt", "completion"}) {
      if (!line.contains(key)) return fault(key, "is missing");
    }
    const Json& prompt = line["prompt"];
    const Json& completion = line["completion"];
    if (prompt.is_array() && completion.is_array()) {
      result.list = "prompt + completion";
      read_messages(prompt, "prompt", kMessages, result.messages);
      for (ChatMessage& message : result.messages) message.trained = false;
      return read_messages(completion, "completion", kMessages, result.messages);
    }
    for (const char* key : {"prompt", "completion"}) {
      if (!line[key].is_string()) {
        fault(key,
              std::string("is a JSON ") + line[key].type_name() +
                  ", expected text (or lists of messages in both)");
      }
    }
    if (!prompt.is_string() || !completion.is_string()) return;
    result.is_completion = true;
    result.prompt = prompt.get<std::string>();
    result.completion = completion.get<std::string>();
    if (result.completion.empty()) fault("completion", "is empty, so nothing to train on");
  }

  void read_messages(const Json& list,
                     const std::string& name,
                     const MessageKeys& keys,
                     std::vector<ChatMessage>& messages) {
    if (!list.is_array() || list.empty()) {
      return fault(name,
                   list.is_array() ? std::string("is empty, expected messages")
                                   : std::string("is a JSON ") + list.type_name() +
                                         ", expected a list of messages");
    }
    for (size_t i = 0; i < list.size(); ++i) {
      messages.push_back(read_message(list[i], name + "[" + std::to_string(i) + "]", keys));
    }
  }

  ChatMessage read_message(const Json& value, const std::string& where, const MessageKeys& keys) {
    ChatMessage message;
    if (!value.is_object()) {
      fault(where, std::string("is a JSON ") + value.type_name() + ", expected an object");
      return message;
    }
    const std::string* role = text_of(value, keys.role, where);
    if (role != nullptr) {
      if (const auto known = role_named(*role)) {
        message.role = *known;
      } else {
        fault(where + "." + keys.role,
              "is " + quoted_text(*role, 40) + ", expected system, user or assistant");
      }
    }
    if (const std::string* content = text_of(value, keys.content, where))
      message.content = *content;
    refuse(value, {"tool_calls", "function_call", "reasoning_content", "thinking"}, where + ".");
    read_switches(value, where, message);
    return message;
  }

  const std::string* text_of(const Json& value, const char* key, const std::string& where) {
    const auto found = value.find(key);
    if (found != value.end() && found->is_string()) {
      return &found->get_ref<const std::string&>();
    }
    fault(where + "." + key,
          found == value.end()
              ? std::string("is missing")
              : std::string("is a JSON ") + found->type_name() + ", expected text");
    return nullptr;
  }

  void read_switches(const Json& value, const std::string& where, ChatMessage& message) {
    std::optional<bool> trained;
    if (const auto train = value.find("train"); train != value.end() && !train->is_null()) {
      if (train->is_boolean()) {
        trained = train->get<bool>();
      } else {
        fault(where + ".train", "is " + train->dump() + ", expected true or false");
      }
    }
    if (const auto weight = value.find("weight"); weight != value.end() && !weight->is_null()) {
      if (weight->is_number() && (*weight == 0 || *weight == 1)) {
        trained = trained.value_or(true) && *weight == 1;
      } else {
        fault(where + ".weight", "is " + weight->dump().substr(0, 40) + ", expected 0 or 1");
      }
    }
    if (trained.value_or(false) && message.role != ChatRole::kAssistant) {
      fault(where, "asks for training on a message that is not the assistant's");
    }
    message.trained = trained.value_or(true);
  }

  Diagnostics& diagnostics_;
};

}  // namespace

ChatLine read_chat_line(std::string_view text, Diagnostics& diagnostics) {
  Json line;
  try {
    line = parse_json(text, "line");
  } catch (const ConfigError& error) {
    throw DataError(quoted_text(error.what(), 300));
  }
  return LineReader(diagnostics).read(line);
}

}  // namespace ropewalk
