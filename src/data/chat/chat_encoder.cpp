#include "ropewalk/data/chat_encoder.h"

#include <algorithm>

#include "data/chat/answer_tokens.h"
#include "data/chat/chat_line.h"
#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/tokenizer/chat_text.h"

namespace ropewalk {
namespace {

// All faults of one document in one line.
void throw_if_faults(const Diagnostics& diagnostics) {
  if (diagnostics.ok()) return;
  std::vector<std::string> faults;
  for (const Diagnostics::Item& item : diagnostics.errors()) {
    faults.push_back(item.where + ": " + item.text);
  }
  throw DataError(join(faults, "; "));
}

class ChatEncoder : public DocumentEncoder {
 public:
  ChatEncoder(std::shared_ptr<const Tokenizer> tokenizer, const ChatForm* form)
      : tokenizer_(std::move(tokenizer)), form_(form) {
    if (const auto id = tokenizer_->bos_id()) tokens_.bos = text_of(*id);
    if (const auto id = tokenizer_->eos_id()) tokens_.eos = text_of(*id);
    if (form_ != nullptr) find_form_tokens();
    add_guarded(tokens_.bos);
    add_guarded(tokens_.eos);
  }

  void encode(const Document& document, EncodedDocument& encoded) const override {
    encoded.ids.clear();
    encoded.trained.clear();
    Diagnostics diagnostics;
    const ChatLine line = read_chat_line(document.text, diagnostics);
    throw_if_faults(diagnostics);
    if (line.is_completion) return encode_completion(line, encoded);
    encode_chat(line, encoded);
  }

 private:
  std::string text_of(int32_t id) const { return tokenizer_->decode({&id, 1}, false); }

  void add_guarded(const std::string& text) {
    if (!text.empty() && std::find(guarded_.begin(), guarded_.end(), text) == guarded_.end()) {
      guarded_.push_back(text);
    }
  }

  void find_form_tokens() {
    Diagnostics diagnostics;
    for (const std::string_view name : form_->tokens) {
      const std::string text = fill_chat_tokens(name, tokens_);
      if (text.empty()) {
        diagnostics.error(std::string(name),
                          "the tokenizer names no such token; set bos_token and eos_token in "
                          "tokenizer_config.json");
        continue;
      }
      const std::vector<int32_t> ids = tokenizer_->encode(text);
      if (ids.size() != 1) {
        diagnostics.error("'" + text + "'",
                          "is read as " + std::to_string(ids.size()) +
                              " tokens, expected one special token; use a tokenizer that has it, "
                              "or another form");
        continue;
      }
      const auto same = [&](const FixedToken& token) { return token.id == ids[0]; };
      if (std::none_of(fixed_.begin(), fixed_.end(), same)) fixed_.push_back({text, ids[0]});
      add_guarded(text);
    }
    diagnostics.throw_if_errors<DataError>("chat form '" + std::string(form_->name) + "'");
  }

  void check_guarded(const std::string& content,
                     const std::string& where,
                     Diagnostics& diagnostics) const {
    for (const std::string& token : guarded_) {
      if (content.find(token) != std::string::npos) {
        diagnostics.error(where,
                          "spells the special token '" + token +
                              "', which would forge or end a turn; remove it from the text");
      }
    }
  }

  void encode_chat(const ChatLine& line, EncodedDocument& encoded) const {
    if (form_ == nullptr) {
      throw DataError(line.list +
                      ": messages need a chat form and none was chosen; expected 'prompt' and "
                      "'completion' as text");
    }
    Diagnostics diagnostics;
    check_chat(*form_, line.messages, line.list, diagnostics);
    for (size_t i = 0; i < line.messages.size(); ++i) {
      check_guarded(
          line.messages[i].content, line.list + "[" + std::to_string(i) + "]", diagnostics);
    }
    throw_if_faults(diagnostics);
    const ChatText chat = render_chat(*form_, tokens_, line.messages);
    tokenizer_->encode_append(chat.text, encoded.ids);
    encoded.trained.assign(encoded.ids.size(), 0);
    const TokenPlaces places(*tokenizer_, fixed_, chat.text, encoded.ids);
    for (const ChatText::Answer& answer : chat.answers) {
      if (!answer.trained) continue;
      const auto mask = encoded.trained.begin();
      std::fill(mask + ptrdiff_t(places.token_at(answer.begin)),
                mask + ptrdiff_t(places.behind_fixed(answer.end)),
                uint8_t{1});
    }
  }

  void encode_completion(const ChatLine& line, EncodedDocument& encoded) const {
    const auto eos = tokenizer_->eos_id();
    if (!eos) {
      throw DataError(
          "completion: the tokenizer names no end-of-text token to end it with; set eos_token in "
          "tokenizer_config.json");
    }
    Diagnostics diagnostics;
    check_guarded(line.prompt, "prompt", diagnostics);
    check_guarded(line.completion, "completion", diagnostics);
    throw_if_faults(diagnostics);
    const std::string text = line.prompt + line.completion;
    tokenizer_->encode_append(text, encoded.ids);
    encoded.trained.assign(encoded.ids.size(), 0);
    const TokenPlaces places(*tokenizer_, {}, text, encoded.ids);
    std::fill(encoded.trained.begin() + ptrdiff_t(places.token_at(line.prompt.size())),
              encoded.trained.end(),
              uint8_t{1});
    encoded.ids.push_back(*eos);
    encoded.trained.push_back(1);
    if (!tokenizer_->add_bos()) return;
    encoded.ids.insert(encoded.ids.begin(), *tokenizer_->bos_id());
    encoded.trained.insert(encoded.trained.begin(), 0);
  }

  std::shared_ptr<const Tokenizer> tokenizer_;
  const ChatForm* form_;
  ChatTokens tokens_;
  std::vector<FixedToken> fixed_;     // of the form
  std::vector<std::string> guarded_;  // that no content may spell
};

}  // namespace

std::unique_ptr<DocumentEncoder> make_chat_encoder(std::shared_ptr<const Tokenizer> tokenizer,
                                                   const ChatForm* form) {
  return std::make_unique<ChatEncoder>(std::move(tokenizer), form);
}

}  // namespace ropewalk
