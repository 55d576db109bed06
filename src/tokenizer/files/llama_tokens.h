// What Llama's tiktoken-style files leave unsaid: the split pattern and the special tokens, whose
// ids follow the base tokens in this order. As in Meta's package llama-models 0.3.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace ropewalk::tokenization {

struct LlamaTokens {
  size_t num_base = 0;
  std::string pattern;
  std::vector<std::string> special;  // the first is BOS, the second end-of-text
};

// Of Llama 3 (128,000 base tokens; names as from 3.1 on) and Llama 4 (200,000); null for any other
// number.
const LlamaTokens* find_llama_tokens(size_t num_base);

}  // namespace ropewalk::tokenization
