#include <algorithm>
#include <cstdio>

#include "cli/engine/engine_commands.h"
#include "cli/engine/evaluated.h"
#include "cli/engine/evaluated_documents.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/text.h"
#include "ropewalk/eval/perplexity.h"
#include "ropewalk/eval/report.h"
#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk::cli {
namespace {

PerplexityProtocol protocol_of(const EvalPerplexityOptions& options) {
  const auto protocol = enum_from_name<PerplexityProtocol>(options.protocol);
  if (!protocol) {
    throw ConfigError("--protocol " + options.protocol + ": expected one of " +
                      join(enum_choices<PerplexityProtocol>(), ", "));
  }
  return *protocol;
}

void check(const EvalPerplexityOptions& options, PerplexityProtocol protocol) {
  if (protocol == PerplexityProtocol::kYarnTruncate && options.stride != 0) {
    throw ConfigError("--stride " + std::to_string(options.stride) +
                      ": protocol yarn_truncate has one window for each document. Leave it out");
  }
  for (const int64_t window : options.windows) {
    if (options.stride > window) {
      throw ConfigError("--stride " + std::to_string(options.stride) + " is larger than window " +
                        std::to_string(window) +
                        ": tokens between two windows would not be scored. Make it the smallest "
                        "window at most");
    }
  }
}

std::optional<int32_t> bos_of(PerplexityProtocol protocol, const HfModel& model) {
  if (!begins_with_bos(protocol)) return std::nullopt;
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
  check(options, protocol);
  Evaluated evaluated(options.model);
  const DocumentChoice choice{.data = options.data, .max_documents = options.max_documents};
  const auto documents = open_documents(choice, evaluated.model());
  // Protocol longlora slides over all of them together.
  if (protocol != PerplexityProtocol::kLonglora) {
    refuse_windows_beyond_documents(choice, *documents, options.windows);
  }
  const std::optional<int32_t> bos_id = bos_of(protocol, evaluated.model());
  const int64_t longest = *std::max_element(options.windows.begin(), options.windows.end());

  std::vector<PerplexityResult> results;
  evaluated.for_each_scaling(longest, [&](Decoder& decoder) {
    for (const int64_t window : options.windows) {
      results.push_back(perplexity(decoder,
                                   *documents,
                                   {.protocol = protocol,
                                    .window = window,
                                    .stride = options.stride,
                                    .max_documents = options.max_documents,
                                    .bos_id = bos_id},
                                   evaluated.group()));
    }
  });
  if (evaluated.writes()) write_reports(options, results);
  return kExitDone;
}

}  // namespace ropewalk::cli
