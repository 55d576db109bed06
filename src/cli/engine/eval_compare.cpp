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
  std::fputs(perplexity_table(results).c_str(), stdout);
  if (!options.plot.empty()) {
    write_file_atomic(options.plot, perplexity_chart(results, options.title));
  }
  return kExitDone;
}

}  // namespace ropewalk::cli
