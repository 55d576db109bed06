#include "cli/engine/engine_commands.h"

namespace ropewalk::cli {

std::vector<Command> engine_commands() {
  return {
      make_command(kTrainCommand, declare_train_options, run_train),
      make_command(kEvalPerplexityCommand, declare_eval_perplexity_options, run_eval_perplexity),
      make_command(kEvalPasskeyCommand, declare_eval_passkey_options, run_eval_passkey),
      make_command(kEvalNeedleCommand, declare_eval_needle_options, run_eval_needle),
      make_command(kEvalRecallCommand, declare_eval_recall_options, run_eval_recall),
      make_command(kEvalShortCommand, declare_eval_short_options, run_eval_short),
      make_command(kEvalCompareCommand, declare_eval_compare_options, run_eval_compare),
      make_command(kGenerateCommand, declare_generate_options, run_generate),
      make_command(kExportCommand, declare_export_options, run_export),
  };
}

}  // namespace ropewalk::cli
