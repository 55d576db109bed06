#include <algorithm>
#include <cstdio>

#include "cli/engine/engine_commands.h"
#include "cli/engine/evaluated.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/base/text.h"
#include "ropewalk/eval/perplexity.h"
#include "ropewalk/eval/report.h"
#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk::cli {
namespace {

PerplexityProtocol protocol_of(const EvalPerplexityOptions& options) {
  const std::optional<PerplexityProtocol> protocol = parse_protocol(options.protocol);
  if (!protocol) {
    const auto names = protocol_names();
    throw ConfigError("--protocol " + options.protocol + ": expected one of " +
                      join({names.begin(), names.end()}, ", "));
  }
  return *protocol;
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

// Such a window would be evaluated as a shorter one.
void refuse_windows_beyond_documents(const EvalPerplexityOptions& options,
                                     PerplexityProtocol protocol,
                                     const TokenDataset& documents) {
  if (protocol == PerplexityProtocol::kLonglora) return;  // slides over all of them together
  const int64_t count = options.max_documents == 0
                            ? documents.num_documents()
                            : std::min(options.max_documents, documents.num_documents());
  int64_t longest = 0;
  for (int64_t d = 0; d < count; ++d) longest = std::max(longest, documents.document_length(d));
  Diagnostics faults;
  for (const int64_t window : options.windows) {
    if (window <= longest) continue;
    faults.error("--windows",
                 "found " + std::to_string(window) + ", longer than each of the " +
                     counted(count, "document") + ", of which the longest has " +
                     std::to_string(longest) + " tokens. Use a smaller window or longer documents");
  }
  faults.throw_if_errors<ConfigError>(join(options.data, ", "));
}

std::optional<int32_t> bos_of(PerplexityProtocol protocol, const HfModel& model) {
  if (protocol != PerplexityProtocol::kYarn) return std::nullopt;
  return Tokenizer::load(model.path)->bos_id();
}

void write_reports(const EvalPerplexityOptions& options,
                   const std::vector<PerplexityResult>& results) {
  std::fputs(perplexity_table(results).c_str(), stdout);
  std::fputs(("\n" + position_table(results)).c_str(), stdout);
  if (!options.json.empty()) {
    write_file_atomic(options.json, to_json_text(perplexity_json(results)));
  }
  const std::string subtitle =
      std::filesystem::path(options.model.checkpoint).lexically_normal().string() + ", protocol " +
      options.protocol + ", lower is better";
  if (!options.plot.empty()) write_file_atomic(options.plot, perplexity_chart(results, subtitle));
  if (!options.position_plot.empty()) {
    write_file_atomic(options.position_plot, position_chart(results, subtitle));
  }
}

}  // namespace

int run_eval_perplexity(const EvalPerplexityOptions& options) {
  const PerplexityProtocol protocol = protocol_of(options);
  check(options);
  Evaluated evaluated(options.model);
  const auto documents = open_documents(options, evaluated.model());
  refuse_windows_beyond_documents(options, protocol, *documents);
  const std::optional<int32_t> bos_id = bos_of(protocol, evaluated.model());
  const int64_t longest = *std::max_element(options.windows.begin(), options.windows.end());

  std::vector<PerplexityResult> results;
  evaluated.for_each_scaling(longest, [&](Decoder& decoder) {
    for (const int64_t window : options.windows) {
      const int64_t stride = options.stride == 0 ? default_stride(window) : options.stride;
      results.push_back(perplexity(decoder,
                                   *documents,
                                   {.protocol = protocol,
                                    .window = window,
                                    .stride = stride,
                                    .max_documents = options.max_documents,
                                    .bos_id = bos_id},
                                   evaluated.group()));
    }
  });
  if (evaluated.writes()) write_reports(options, results);
  return kExitDone;
}

}  // namespace ropewalk::cli
