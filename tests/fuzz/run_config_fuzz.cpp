// A run config, then lines of --set.
#include "fuzz/target.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/settings/run_config.h"

namespace ropewalk::fuzz {
namespace {

constexpr size_t kMaxAssignments = 8;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty() && lines.size() < kMaxAssignments) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// What was accepted can be written and read again.
void check_round_trip(const RunConfig& config) {
  const std::string text = to_json_text(resolved_json(config));
  Diagnostics d;
  const RunConfig copy = parse_run_config(parse_json(text, "copy"), RunPurpose::kTrain, d);
  ROPEWALK_CHECK(d.ok(), d.report("copy"));
  ROPEWALK_CHECK(to_json_text(resolved_json(copy)) == text, "reads back otherwise");
}

void check_for_ranks(const RunConfig& config) {
  for (const int64_t ranks : {1, 2, 3, 96}) {
    Diagnostics d;
    check_batch_for_ranks(config, ranks, d);
    check_shards_for_ranks(config.parallel, ranks, d);
    check_context_parallel(config.parallel,
                           {.length = config.data.sequence_length.value_or(ranks), .num_heads = 4},
                           d);
  }
}

}  // namespace

void fuzz_run_config(std::string_view input) {
  const auto files = parts(input, 2);
  Diagnostics d;
  const RunConfig config =
      read_run_config(put_file("run.json", files[0]), lines_of(files[1]), RunPurpose::kTrain, d);
  d.throw_if_errors<ConfigError>("run.json");
  check_round_trip(config);
  check_for_ranks(config);
}

}  // namespace ropewalk::fuzz
