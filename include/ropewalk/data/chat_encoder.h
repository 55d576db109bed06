// Supervised fine-tuning data: one JSON line (Document::text) to token ids, with the loss on the
// answers only. A line is one of
//   {"messages": [{"role": "system" | "user" | "assistant", "content": "..."}, ...]}
//   {"conversations": [{"from": "system" | "human" | "gpt", "value": "..."}, ...]}
//   {"prompt": "...", "completion": "..."}                 no template; the end-of-text token
//   follows, BOS stands before where the tokenizer puts one before a text
//   {"prompt": [messages], "completion": [messages]}       the loss is on the completion's answers
// An answer is left out of the loss by "train": false or "weight": 0 in its message.
//
// The ids are those of the whole text as the form writes it with its special tokens, BOS included
// where the form has it: what transformers' apply_chat_template(tokenize=True) gives. The loss is
// on what the model has to produce: the answer and the token that ends its turn.
#pragma once

#include <memory>

#include "ropewalk/data/document_encoder.h"
#include "ropewalk/tokenizer/chat_form.h"
#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk {

// `form` null: lines of prompt and completion only. DataError where the tokenizer lacks tokens that
// the form needs, or does not read them as single tokens. A content that spells one of them is
// refused when it is met: a turn cannot be forged, nor an answer end in its middle.
std::unique_ptr<DocumentEncoder> make_chat_encoder(std::shared_ptr<const Tokenizer> tokenizer,
                                                   const ChatForm* form);

}  // namespace ropewalk
