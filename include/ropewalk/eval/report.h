// Perplexity results as tables for people, JSON for programs, and pictures.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/eval/perplexity.h"

namespace ropewalk {

// {"protocol": "pi", "results": [{window, stride, kind, factor, perplexity, perplexity_low,
// perplexity_high, nll, tokens, documents, positions: [{begin, end, nll, tokens}]}]}; low and high
// are null where there is no interval.
Json perplexity_json(const std::vector<PerplexityResult>& results);
// Reads it back; intervals and positions may be missing. Throws ConfigError naming file and field.
std::vector<PerplexityResult> read_perplexity_json(const std::filesystem::path& file);

// One row an evaluation and scaling, one column a window, with the intervals below.
std::string perplexity_table(const std::vector<PerplexityResult>& results);
// The longest window: one row a part of it, one column an evaluation and scaling.
std::string position_table(const std::vector<PerplexityResult>& results);

// Perplexity over window length, one line an evaluation and scaling, as SVG. `subtitle` says of
// what.
std::string perplexity_chart(const std::vector<PerplexityResult>& results,
                             const std::string& subtitle);
// Loss over the position inside the longest window.
std::string position_chart(const std::vector<PerplexityResult>& results,
                           const std::string& subtitle);

}  // namespace ropewalk
