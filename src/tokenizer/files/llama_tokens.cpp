#include "tokenizer/files/llama_tokens.h"

namespace ropewalk::tokenization {
namespace {

// Both patterns end alike: symbols, line ends, and white space up to the last before a word.
constexpr const char* kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kLlama4Pattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

class SpecialTokens {
 public:
  SpecialTokens& add(std::initializer_list<const char*> names) {
    for (const char* name : names) add(std::string(name));
    return *this;
  }
  // "<|PREFIXreserved_special_token_FIRST|>" to LAST.
  SpecialTokens& reserve(const std::string& prefix, int first, int last) {
    for (int i = first; i <= last; ++i) {
      add(prefix + "reserved_special_token_" + std::to_string(i));
    }
    return *this;
  }
  // Numbers what remains of `size` from `first` on.
  std::vector<std::string> fill(size_t size, int first) {
    reserve("", first, first + static_cast<int>(size - tokens_.size()) - 1);
    return tokens_;
  }

 private:
  void add(const std::string& name) { tokens_.push_back("<|" + name + "|>"); }
  std::vector<std::string> tokens_;
};

LlamaTokens make_llama3() {
  constexpr size_t kNumSpecial = 256;
  SpecialTokens tokens;
  tokens.add({"begin_of_text", "end_of_text"})
      .reserve("", 0, 1)
      .add({"finetune_right_pad_id", "step_id", "start_header_id", "end_header_id"})
      .add({"eom_id", "eot_id", "python_tag", "image"});
  return {128'000, kLlama3Pattern, tokens.fill(kNumSpecial, 2)};
}

LlamaTokens make_llama4() {
  constexpr size_t kNumSpecial = 2048;
  SpecialTokens tokens;
  tokens.add({"begin_of_text", "end_of_text", "fim_prefix", "fim_middle", "fim_suffix"})
      .add({"header_start", "header_end", "eom", "eot", "step"})
      .reserve("text_post_train_", 0, 5)
      .add({"python_start", "python_end", "finetune_right_pad"})
      .reserve("text_post_train_", 8, 68)
      .add({"image_start", "image_end"})
      .reserve("vision_", 0, 1)
      .add({"tile_x_separator", "tile_y_separator"})
      .reserve("vision_", 2, 5)
      .add({"image"})
      .reserve("vision_", 6, 6)
      .add({"patch"})
      .reserve("vision_", 7, 1047)
      .reserve("reasoning_", 0, 7)
      .add({"reasoning_thinking_start", "reasoning_thinking_end"});
  return {200'000, kLlama4Pattern, tokens.fill(kNumSpecial, 0)};
}

}  // namespace

const LlamaTokens* find_llama_tokens(size_t num_base) {
  static const LlamaTokens llama3 = make_llama3();
  static const LlamaTokens llama4 = make_llama4();
  for (const LlamaTokens* tokens : {&llama3, &llama4}) {
    if (tokens->num_base == num_base) return tokens;
  }
  return nullptr;
}

}  // namespace ropewalk::tokenization
