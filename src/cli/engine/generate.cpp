#include "ropewalk/eval/generate.h"

#include <cstdio>

#include "cli/engine/device.h"
#include "cli/engine/engine_commands.h"
#include "cli/engine/load_decoder.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"
#include "ropewalk/base/log.h"
#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk::cli {
namespace {

std::vector<int32_t> prompt_ids(const Tokenizer& tokenizer, const std::string& prompt) {
  std::vector<int32_t> ids = tokenizer.encode(prompt, /*add_special=*/true);
  if (ids.empty() && tokenizer.bos_id()) ids.push_back(*tokenizer.bos_id());
  if (ids.empty()) {
    throw ConfigError(
        "--prompt: an empty prompt needs a tokenizer with a begin-of-text token, "
        "which this one does not have. Give a prompt");
  }
  return ids;
}

void warn_about_length(int64_t length, const RopeParameters& rope) {
  if (length <= rope.max_position_embeddings) return;
  log_warn("prompt and new tokens may reach " + std::to_string(length) +
           " positions, beyond the model's " + std::to_string(rope.max_position_embeddings));
}

}  // namespace

int run_generate(const GenerateOptions& options) {
  configure_logging(LogLevel::kInfo);
  set_num_threads(options.threads);
  const auto tokenizer = Tokenizer::load(options.checkpoint);
  const std::vector<int32_t> prompt = prompt_ids(*tokenizer, options.prompt);
  const LoadedDecoder loaded = load_decoder(options.checkpoint, choose_device());
  warn_about_length(static_cast<int64_t>(prompt.size()) + options.max_new_tokens,
                    loaded.model.spec.rope);

  const std::vector<int32_t> generated = generate(*loaded.decoder,
                                                  prompt,
                                                  {.max_new_tokens = options.max_new_tokens,
                                                   .greedy = options.greedy,
                                                   .temperature = options.temperature,
                                                   .top_p = options.top_p,
                                                   .seed = options.seed,
                                                   .stop_ids = loaded.model.spec.eos_token_ids});
  const std::string text = tokenizer->decode_continuation(prompt, generated);
  if (options.json) {
    const Json out = {{"prompt_ids", prompt}, {"ids", generated}, {"text", text}};
    std::printf("%s\n", out.dump().c_str());
  } else {
    std::printf("%s\n", text.c_str());
  }
  return kExitDone;
}

}  // namespace ropewalk::cli
