// What extension costs at short context, of one model or of two side by side.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/eval/multiple_choice.h"
#include "ropewalk/eval/perplexity.h"

namespace ropewalk {

struct ScaledChoices {
  std::string name;   // of the model in a comparison; empty otherwise
  std::string kind;   // scaling in force: "default", "linear", ...
  double factor = 1;  // total factor in force, 1 if none
  std::string task;   // the question file
  ChoiceResult result;
};

// Either may be empty.
struct ShortReport {
  std::vector<PerplexityResult> perplexities;
  std::vector<ScaledChoices> choices;
};

std::string short_tables(const ShortReport& report);
// {"task": "short", "perplexity": [{name, window, kind, factor, perplexity, ...}], "choices":
// [{name, kind, factor, task, questions, accuracy, accuracy_normalized, longest_tokens}]}.
Json short_json(const ShortReport& report);

}  // namespace ropewalk
