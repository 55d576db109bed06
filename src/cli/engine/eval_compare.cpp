#include <cstdio>

#include "cli/engine/engine_commands.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/eval/report.h"

namespace ropewalk::cli {

int run_eval_compare(const EvalCompareOptions& options) {
  std::vector<PerplexityResult> results;
  for (const std::string& named : options.results) {
    const size_t equals = named.find('=');
    if (equals == std::string::npos) {
      throw ConfigError(named + ": expected NAME=FILE.json");
    }
    for (PerplexityResult result : read_perplexity_json(named.substr(equals + 1))) {
      result.name = named.substr(0, equals);
      results.push_back(result);
    }
  }
  for (const PerplexityResult& result : results) {
    if (result.protocol == results.front().protocol) continue;
    throw ConfigError(result.name + " was measured by protocol " +
                      std::string(enum_name(result.protocol)) + " and " + results.front().name +
                      " by " + std::string(enum_name(results.front().protocol)) +
                      ": such numbers do not compare. Measure both by the same");
  }
  std::fputs(perplexity_table(results).c_str(), stdout);
  if (!options.plot.empty()) {
    write_file_atomic(options.plot, perplexity_chart(results, options.title));
  }
  return kExitDone;
}

}  // namespace ropewalk::cli
