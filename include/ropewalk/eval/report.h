// Perplexity results as a table for people, JSON for programs, and a picture.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/eval/perplexity.h"

namespace ropewalk {

// {"protocol": "pi", "results": [{window, stride, kind, factor, perplexity, nll, tokens, documents}]}
Json perplexity_json(const std::vector<PerplexityResult>& results);

// One row a window, one column a scaling.
std::string perplexity_table(const std::vector<PerplexityResult>& results);

// Perplexity over window length, one line a scaling, as SVG. `model` goes into the subtitle.
std::string perplexity_chart(const std::vector<PerplexityResult>& results, const std::string& model);

}  // namespace ropewalk
