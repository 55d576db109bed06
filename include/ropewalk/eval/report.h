// Perplexity results as a table for people, JSON for programs, and a picture.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/eval/perplexity.h"

namespace ropewalk {

// {"protocol": "pi", "results": [{window, stride, kind, factor, perplexity, nll, tokens,
// documents}]}
Json perplexity_json(const std::vector<PerplexityResult>& results);
// Reads it back. Throws ConfigError naming file and field.
std::vector<PerplexityResult> read_perplexity_json(const std::filesystem::path& file);

// One row an evaluation and scaling, one column a window.
std::string perplexity_table(const std::vector<PerplexityResult>& results);

// Perplexity over window length, one line an evaluation and scaling, as SVG. `subtitle` says of
// what.
std::string perplexity_chart(const std::vector<PerplexityResult>& results,
                             const std::string& subtitle);

}  // namespace ropewalk
