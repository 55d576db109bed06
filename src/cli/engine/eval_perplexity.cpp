#include <algorithm>
#include <cstdio>

#include "cli/engine/device.h"
#include "cli/engine/engine_commands.h"
#include "cli/engine/load_decoder.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"
#include "ropewalk/eval/perplexity.h"
#include "ropewalk/eval/report.h"
#include "ropewalk/eval/rescale.h"
#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk::cli {
namespace {

int64_t stride_for(const EvalPerplexityOptions& options, int64_t window) {
  return options.stride == 0 ? default_stride(window) : options.stride;
}

// The scalings to evaluate under; empty optional kinds are the checkpoint's own.
std::vector<RopeParameters> scalings(const EvalPerplexityOptions& options,
                                     const RopeParameters& own) {
  if (options.factors.empty()) return {own};
  const std::optional<RopeKind> kind = parse_rope_kind(options.scaling);
  if (!kind) {
    throw ConfigError("--scaling " + options.scaling + ": expected one of " +
                      join(rope_kind_names(), ", "));
  }
  std::vector<RopeParameters> ropes;
  for (const double factor : options.factors) ropes.push_back(rescale(own, *kind, factor));
  return ropes;
}

void check(const EvalPerplexityOptions& options) {
  for (const int64_t window : options.windows) {
    if (options.stride > window) {
      throw ConfigError("--stride " + std::to_string(options.stride) + " is larger than window " +
                        std::to_string(window) +
                        ": tokens between two windows would not be scored. Make it the smallest "
                        "window at most");
    }
  }
}

std::shared_ptr<const TokenDataset> open_documents(const EvalPerplexityOptions& options,
                                                   const HfModel& model) {
  TokenDatasetOptions expected{.tokenizer_hash = {}, .vocab_size = model.spec.vocab_size};
  if (!model.spec.eos_token_ids.empty()) {
    expected.eos_id = static_cast<int32_t>(model.spec.eos_token_ids.front());
  }
  const auto tokenizer = tokenizer_file_of(model.path);
  if (tokenizer) expected.tokenizer_hash = hash_file(*tokenizer);
  return TokenDataset::open({options.data.begin(), options.data.end()}, expected);
}

void warn_about_lengths(const EvalPerplexityOptions& options, const RopeParameters& rope) {
  const int64_t longest = *std::max_element(options.windows.begin(), options.windows.end());
  if (longest <= rope.max_position_embeddings) return;
  log_warn("window " + std::to_string(longest) + " is beyond the " +
           std::to_string(rope.max_position_embeddings) + " positions of " + describe_rope(rope));
}

}  // namespace

int run_eval_perplexity(const EvalPerplexityOptions& options) {
  configure_logging(LogLevel::kInfo);
  check(options);
  set_num_threads(options.threads);
  const HfModel model = load_hf_model(options.checkpoint);
  const std::vector<RopeParameters> ropes = scalings(options, model.spec.rope);
  const auto documents = open_documents(options, model);
  const auto decoder = load_decoder(options.checkpoint).decoder;

  dist::Group single(decoder->options().device);
  std::vector<PerplexityResult> results;
  for (const RopeParameters& rope : ropes) {
    decoder->set_rope(rope);
    warn_about_lengths(options, rope);
    for (const int64_t window : options.windows) {
      results.push_back(perplexity(*decoder,
                                   *documents,
                                   {.window = window,
                                    .stride = stride_for(options, window),
                                    .max_documents = options.max_documents},
                                   single));
    }
  }
  std::fputs(perplexity_table(results).c_str(), stdout);
  if (!options.json.empty()) {
    write_file_atomic(options.json, to_json_text(perplexity_json(results)));
  }
  if (!options.plot.empty()) {
    const std::string name = std::filesystem::path(options.checkpoint).lexically_normal().string();
    write_file_atomic(options.plot,
                      perplexity_chart(results, name + ", sliding window, lower is better"));
  }
  return kExitDone;
}

}  // namespace ropewalk::cli
