// One JSON line of supervised fine-tuning data, read into messages or a prompt with its completion.
// The accepted lines are those of ropewalk/data/chat_encoder.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/tokenizer/chat_text.h"

namespace ropewalk {

struct ChatLine {
  std::string list;  // the messages' name in the line: "messages", "conversations", "prompt"
  std::vector<ChatMessage> messages;
  // Instead of messages: plain texts.
  bool is_completion = false;
  std::string prompt;
  std::string completion;
};

// Faults go into `diagnostics` with their JSON path; the result is of use only without any.
// Text that is no JSON is a DataError.
ChatLine read_chat_line(std::string_view text, Diagnostics& diagnostics);

}  // namespace ropewalk
