#include "ropewalk/tokenizer/chat_form.h"

namespace ropewalk {
namespace {

// Every form below renders what the published templates of its name render for messages of system,
// user and assistant without tools; chat_templates.cpp lists those templates.

ChatForm chatml(std::string_view name,
                std::optional<std::string_view> default_system = std::nullopt) {
  return {.name = name,
          .system = {"<|im_start|>system\n", "<|im_end|>\n"},
          .default_system = default_system,
          .user = {"<|im_start|>user\n", "<|im_end|>\n"},
          .answer = {"<|im_start|>assistant\n", "\n"},
          .answer_end = "<|im_end|>",
          .turn_end = "<|im_end|>",
          .tokens = {"<|im_start|>", "<|im_end|>"}};
}

ChatForm chatml_with_bos() {
  ChatForm form = chatml("chatml-bos");
  form.begin = "{bos}";
  form.tokens.push_back("{bos}");
  return form;
}

ChatForm phi4() {
  return {.name = "phi4",
          .system = {"<|im_start|>system<|im_sep|>", "<|im_end|>"},
          .user = {"<|im_start|>user<|im_sep|>", "<|im_end|><|im_start|>assistant<|im_sep|>"},
          .answer_end = "<|im_end|>",
          .turn_end = "<|im_end|>",
          .order = TurnOrder::kAlternate,
          .tokens = {"<|im_start|>", "<|im_sep|>", "<|im_end|>"}};
}

ChatForm llama2() {
  return {.name = "llama2",
          .system = {"<<SYS>>\n", "\n<</SYS>>\n\n"},
          .system_place = SystemPlace::kFirstUser,
          .user = {"{bos}[INST] ", " [/INST]", Trim::kJoined},
          .answer = {"", "", Trim::kContent},
          .answer_lead = " ",
          .answer_end = " {eos}",
          .turn_end = "{eos}",
          .order = TurnOrder::kAlternate,
          .tokens = {"{bos}", "{eos}"}};
}

ChatForm llama3(std::string_view name) {
  const std::string_view end = "<|eot_id|>";
  return {.name = name,
          .begin = "{bos}",
          .system = {"<|start_header_id|>system<|end_header_id|>\n\n", end, Trim::kContent},
          .user = {"<|start_header_id|>user<|end_header_id|>\n\n", end, Trim::kContent},
          .answer = {"<|start_header_id|>assistant<|end_header_id|>\n\n", "", Trim::kContent},
          .answer_end = end,
          .turn_end = end,
          .tokens = {"{bos}", "<|start_header_id|>", "<|end_header_id|>", end}};
}

// Two dates always stand in front. The second one is the template's own fixed date; newer templates
// put the day of the call there where they can, which would make prepared data differ by the day.
ChatForm llama31() {
  ChatForm form = llama3("llama3.1");
  form.system.before =
      "<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n"
      "Today Date: 26 Jul 2024\n\n";
  form.default_system = "";
  return form;
}

struct MistralTexts {
  std::string_view user_before;
  std::string_view user_after;
  std::string_view answer_lead;
  std::string_view answer_end;
};

ChatForm mistral(std::string_view name, const MistralTexts& texts) {
  return {.name = name,
          .begin = "{bos}",
          .system_place = SystemPlace::kRefused,
          .user = {texts.user_before, texts.user_after},
          .answer_lead = texts.answer_lead,
          .answer_end = texts.answer_end,
          .turn_end = "{eos}",
          .order = TurnOrder::kAlternate,
          .tokens = {"{bos}", "{eos}"}};
}

ChatForm mistral_v01() {
  ChatForm form = mistral("mistral-v0.1", {"[INST] ", " [/INST]", "", "{eos}"});
  form.answer.after = " ";
  return form;
}

ChatForm mistral_v1() {
  ChatForm form = mistral("mistral-v1", {" [INST] ", " [/INST]", " ", "{eos}"});
  form.system = {"", "\n\n"};
  form.system_place = SystemPlace::kFirstUser;
  return form;
}

// From version 3 on the brackets are tokens. The templates of version 3 put a system message into
// the last message if that is a user's, and lose it otherwise: refused.
ChatForm mistral_v3(std::string_view name, const MistralTexts& texts, Trim trim = Trim::kNone) {
  ChatForm form = mistral(name, texts);
  form.answer.trim = trim;
  form.tokens.insert(form.tokens.end(), {"[INST]", "[/INST]"});
  return form;
}

ChatForm mistral_v7() {
  ChatForm form = mistral_v3("mistral-v7", {"[INST] ", "[/INST]", " ", "{eos}"});
  form.system = {"[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]"};
  form.system_place = SystemPlace::kOwnTurn;
  form.order = TurnOrder::kAny;
  form.tokens.insert(form.tokens.end(), {"[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"});
  return form;
}

ChatForm gemma() {
  return {.name = "gemma",
          .begin = "{bos}",
          .system_place = SystemPlace::kRefused,
          .user = {"<start_of_turn>user\n", "<end_of_turn>\n", Trim::kContent},
          .answer = {"<start_of_turn>model\n", "\n", Trim::kContent},
          .answer_end = "<end_of_turn>",
          .turn_end = "<end_of_turn>",
          .order = TurnOrder::kAlternate,
          .tokens = {"{bos}", "<start_of_turn>", "<end_of_turn>"}};
}

ChatForm gemma3() {
  ChatForm form = gemma();
  form.name = "gemma3";
  form.system = {"", "\n\n"};
  form.system_place = SystemPlace::kFirstUser;
  return form;
}

ChatForm phi3(std::string_view name) {
  return {.name = name,
          .system = {"<|system|>\n", "<|end|>\n"},
          .user = {"<|user|>\n", "<|end|>\n"},
          .answer = {"<|assistant|>\n", "\n"},
          .answer_end = "<|end|>",
          .turn_end = "<|end|>",
          .end = "{eos}",
          .tokens = {"{eos}", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"}};
}

ChatForm phi35() {
  ChatForm form = phi3("phi3.5");
  form.omit_empty_system = true;
  return form;
}

ChatForm phi3_small() {
  ChatForm form = phi3("phi3-small");
  form.begin = "{bos}";
  form.tokens.push_back("{bos}");
  return form;
}

// The first templates of Phi-3 pass over system messages, and a user's turn ends with the header of
// the answer.
ChatForm phi3_first(std::string_view name, std::string_view begin) {
  ChatForm form = phi3(name);
  form.begin = begin;
  form.system_place = SystemPlace::kRefused;
  form.user.after = "<|end|>\n<|assistant|>\n";
  form.answer.before = "";
  form.end = "";
  form.order = TurnOrder::kAlternate;
  form.tokens = {"<|user|>", "<|assistant|>", "<|end|>"};
  if (!begin.empty()) form.tokens.push_back(begin);
  return form;
}

// The headers are plain text for the tokenizers of this form.
ChatForm zephyr() {
  return {.name = "zephyr",
          .system = {"<|system|>\n", "{eos}\n"},
          .user = {"<|user|>\n", "{eos}\n"},
          .answer = {"<|assistant|>\n", "\n"},
          .answer_end = "{eos}",
          .turn_end = "{eos}",
          .tokens = {"{eos}"}};
}

ChatForm deepseek_v2() {
  return {.name = "deepseek-v2",
          .begin = "{bos}",
          .system = {"", "\n\n"},
          .user = {"User: ", "\n\n"},
          .answer = {"Assistant:", ""},
          .answer_lead = " ",
          .answer_end = "{eos}",
          .turn_end = "{eos}",
          .tokens = {"{bos}", "{eos}"}};
}

ChatForm granite3() {
  return {.name = "granite3",
          .system = {"<|start_of_role|>system<|end_of_role|>", "<|end_of_text|>\n"},
          .user = {"<|start_of_role|>user<|end_of_role|>", "<|end_of_text|>\n"},
          .answer = {"<|start_of_role|>assistant<|end_of_role|>", "\n"},
          .answer_end = "<|end_of_text|>",
          .turn_end = "<|end_of_text|>",
          .tokens = {"<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>"}};
}

ChatForm command_r() {
  const std::string_view end = "<|END_OF_TURN_TOKEN|>";
  return {.name = "command-r",
          .begin = "{bos}",
          .system = {"<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>", end},
          .user = {"<|START_OF_TURN_TOKEN|><|USER_TOKEN|>", end, Trim::kContent},
          .answer = {"<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>", "", Trim::kContent},
          .answer_end = end,
          .turn_end = end,
          .order = TurnOrder::kAlternate,
          .tokens = {"{bos}",
                     "<|START_OF_TURN_TOKEN|>",
                     "<|SYSTEM_TOKEN|>",
                     "<|USER_TOKEN|>",
                     "<|CHATBOT_TOKEN|>",
                     end}};
}

ChatForm openchat() {
  const std::string_view end = "<|end_of_turn|>";
  return {.name = "openchat",
          .begin = "{bos}",
          .system = {"GPT4 Correct System: ", end},
          .user = {"GPT4 Correct User: ", end},
          .answer = {"GPT4 Correct Assistant:", ""},
          .answer_lead = " ",
          .answer_end = end,
          .turn_end = end,
          .tokens = {"{bos}", end}};
}

std::vector<ChatForm> make_forms() {
  return {
      chatml("chatml"),
      chatml_with_bos(),
      chatml("qwen1.5", "You are a helpful assistant"),
      chatml("qwen2", "You are a helpful assistant."),
      chatml("qwen2.5", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
      chatml("qwen2.5-math",
             "Please reason step by step, and put your final answer within \\boxed{}."),
      chatml("smollm2", "You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
      phi4(),
      llama2(),
      llama3("llama3"),
      llama31(),
      mistral_v01(),
      mistral("mistral-v0.2", {"[INST] ", " [/INST]", "", "{eos}"}),
      mistral("mixtral-8x22b", {" [INST] ", " [/INST]", " ", " {eos}"}),
      mistral_v1(),
      mistral_v3("mistral-v3", {"[INST] ", "[/INST]", " ", "{eos}"}),
      mistral_v3("mistral-large-2407", {"[INST] ", "[/INST]", " ", "{eos}"}, Trim::kContent),
      mistral_v3("mistral-nemo", {"[INST]", "[/INST]", "", "{eos}"}),
      mistral_v7(),
      gemma(),
      gemma3(),
      phi3("phi3"),
      phi35(),
      phi3_small(),
      phi3_first("phi3-mini-first", "{bos}"),
      phi3_first("phi3-medium-first", ""),
      zephyr(),
      deepseek_v2(),
      granite3(),
      command_r(),
      openchat(),
  };
}

}  // namespace

const std::vector<ChatForm>& chat_forms() {
  static const std::vector<ChatForm> forms = make_forms();
  return forms;
}

const ChatForm* find_chat_form(std::string_view name) {
  for (const ChatForm& form : chat_forms()) {
    if (form.name == name) return &form;
  }
  return nullptr;
}

}  // namespace ropewalk
