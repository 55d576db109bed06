// What `eval passkey`, `eval needle` and `eval recall` ask alike.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace ropewalk::cli {

struct RetrievalOptions {
  int64_t trials = 10;
  int64_t digits = 5;
  uint64_t seed = 1;
  std::string json;
  std::string replies;
  std::string plot;
};

// --trials, --digits, --seed, --json, --replies, --plot. `trials_help`: of what, where.
void declare_retrieval_options(CLI::App& app,
                               RetrievalOptions& options,
                               const std::string& trials_help);
// --lengths, of whole prompts; required.
void add_lengths_option(CLI::App& app, std::vector<int64_t>& lengths);

}  // namespace ropewalk::cli
