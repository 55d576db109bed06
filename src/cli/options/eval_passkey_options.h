// `ropewalk eval passkey`: a number that stands at a distance before the prompt's end.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/options/evaluated_model.h"
#include "cli/options/retrieval_options.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kEvalPasskeyCommand{
    "eval passkey", "Train and evaluate", "How far back a number is found again"};

struct EvalPasskeyOptions {
  EvaluatedModel model;
  int64_t window = 0;
  std::vector<int64_t> distances;  // empty: 32 that divide the window evenly
  RetrievalOptions retrieval;
};

void declare_eval_passkey_options(CLI::App& app, EvalPasskeyOptions& options);

}  // namespace ropewalk::cli
