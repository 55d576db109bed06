// The table of the commands that run in the engine.
#pragma once

#include <vector>

#include "cli/command.h"
#include "cli/options/eval_compare_options.h"
#include "cli/options/eval_needle_options.h"
#include "cli/options/eval_passkey_options.h"
#include "cli/options/eval_perplexity_options.h"
#include "cli/options/eval_recall_options.h"
#include "cli/options/eval_short_options.h"
#include "cli/options/export_options.h"
#include "cli/options/generate_options.h"
#include "cli/options/train_options.h"

namespace ropewalk::cli {

int run_train(const TrainOptions& options);
int run_eval_compare(const EvalCompareOptions& options);
int run_eval_needle(const EvalNeedleOptions& options);
int run_eval_passkey(const EvalPasskeyOptions& options);
int run_eval_perplexity(const EvalPerplexityOptions& options);
int run_eval_recall(const EvalRecallOptions& options);
int run_eval_short(const EvalShortOptions& options);
int run_generate(const GenerateOptions& options);
int run_export(const ExportOptions& options);

std::vector<Command> engine_commands();

}  // namespace ropewalk::cli
