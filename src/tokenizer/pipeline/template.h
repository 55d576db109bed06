// What stands around a text's ids: BOS, EOS and the post-processor's template.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"

namespace ropewalk::tokenization {

struct TextTemplate {
  std::vector<int32_t> before;
  std::vector<int32_t> after;
};

// The `post_processor` of tokenizer.json, for single texts.
TextTemplate read_post_processor(const Json& post_processor, Diagnostics& diagnostics);

// The parts of tokenizer_config.json that bear on ids.
struct TokenizerConfig {
  std::optional<std::string> bos_token;
  std::optional<std::string> eos_token;
  std::optional<bool> add_bos_token;
  std::optional<bool> add_eos_token;
};
TokenizerConfig read_tokenizer_config(const Json& config, Diagnostics& diagnostics);

// Explicit switches of tokenizer_config.json win over the template's BOS and EOS.
void apply_switches(const TokenizerConfig& config,
                    std::optional<int32_t> bos_id,
                    std::optional<int32_t> eos_id,
                    TextTemplate& text_template);

}  // namespace ropewalk::tokenization
