// Chat forms: how a conversation is written as one text for a model. A checkpoint carries its form
// as a Jinja template; Ropewalk does not run Jinja. It knows a listed set of forms as data and
// takes a template for one of them only when its text is known to render exactly that (by hash), or
// when the user names the form. docs/chat_data.md shows what each form renders.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ropewalk {

enum class SystemPlace {
  kOwnTurn,
  kFirstUser,  // joined in front of the first user message
  kRefused,
};

enum class TurnOrder {
  kAny,        // user and assistant in any order
  kAlternate,  // user first, then by turns
};

// White space at both ends of a content goes, as Python's str.strip() does.
enum class Trim { kNone, kContent, kJoined };  // kJoined: after a system message was put in front

struct ChatTurn {
  std::string_view before;
  std::string_view after;
  Trim trim = Trim::kNone;
};

// In every string "{bos}" and "{eos}" stand for the tokenizer's own tokens.
struct ChatForm {
  std::string_view name;
  std::string_view begin;  // before the first message
  ChatTurn system;
  std::optional<std::string_view> default_system;  // content where a conversation brings none
  SystemPlace system_place = SystemPlace::kOwnTurn;
  bool omit_empty_system = false;
  ChatTurn user;
  // An answer: `before`, what the model is given to begin with; then what it has to produce and is
  // trained on: answer_lead, the content, answer_end; then `after`.
  ChatTurn answer;
  std::string_view answer_lead;
  std::string_view answer_end;  // ends with turn_end
  std::string_view turn_end;    // the token that ends an answer
  std::string_view end;         // after the last message
  TurnOrder order = TurnOrder::kAny;
  std::vector<std::string_view> tokens;  // must be single tokens of the tokenizer
};

const std::vector<ChatForm>& chat_forms();

// Null where no form has this name.
const ChatForm* find_chat_form(std::string_view name);

// The form that a Jinja template is known to render; null for a text that is not known.
const ChatForm* recognise_chat_template(std::string_view template_text);

// Identity of a template in messages and in the list of known ones; one newline at the end does not
// count, since Jinja drops it.
std::string chat_template_hash(std::string_view template_text);

// `name` empty: by the checkpoint's own template (chat_template.jinja, else `chat_template` of
// tokenizer_config.json), whose text must be a known one. Otherwise the form of that name, whatever
// the checkpoint says. DataError lists the forms, says which template was found and what to do.
const ChatForm& choose_chat_form(const std::filesystem::path& checkpoint, std::string_view name);

}  // namespace ropewalk
