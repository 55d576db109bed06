#include "cli/front_commands.h"

#include "cli/launch_evaluation.h"
#include "cli/launch_nodes.h"
#include "cli/launch_train.h"
#include "cli/options/eval_compare_options.h"
#include "cli/options/eval_needle_options.h"
#include "cli/options/eval_passkey_options.h"
#include "cli/options/eval_perplexity_options.h"
#include "cli/options/eval_recall_options.h"
#include "cli/options/eval_short_options.h"
#include "cli/options/export_options.h"
#include "cli/options/generate_options.h"
#include "cli/options/train_options.h"
#include "cli/process_environment.h"

namespace ropewalk::cli {
namespace {

template <typename Options>
Command engine_command(const CommandInfo& info,
                       void (*declare)(CLI::App&, Options&),
                       const std::vector<std::string>& command_line) {
  return make_command(
      info, declare, [command_line](const Options&) -> int { exec_engine(command_line); });
}

// The same, by as many ranks as --nproc says.
template <typename Options>
Command evaluation_command(const CommandInfo& info,
                           void (*declare)(CLI::App&, Options&),
                           const std::vector<std::string>& command_line) {
  return make_command(info, declare, [command_line](const Options& options) -> int {
    return launch_evaluation(options.model, command_line);
  });
}

}  // namespace

std::vector<Command> front_commands(const std::vector<std::string>& command_line) {
  return {
      make_command(kExtendCommand, declare_extend_options, run_extend),
      make_command(kPrepareCommand, declare_prepare_options, run_prepare),
      make_command(kTokenizeCommand, declare_tokenize_options, run_tokenize),
      make_command(kPlanCommand, declare_plan_options, run_plan),
      make_command(kTrainCommand,
                   declare_train_options,
                   [command_line](const TrainOptions& options) {
                     return launch_train(options, command_line);
                   }),
      make_command(kLaunchCommand,
                   declare_launch_options,
                   [program = command_line.front()](const LaunchOptions& options) {
                     return launch_nodes(options, program);
                   }),
      evaluation_command(kEvalPerplexityCommand, declare_eval_perplexity_options, command_line),
      evaluation_command(kEvalPasskeyCommand, declare_eval_passkey_options, command_line),
      evaluation_command(kEvalNeedleCommand, declare_eval_needle_options, command_line),
      evaluation_command(kEvalRecallCommand, declare_eval_recall_options, command_line),
      evaluation_command(kEvalShortCommand, declare_eval_short_options, command_line),
      engine_command(kEvalCompareCommand, declare_eval_compare_options, command_line),
      make_command(kReportCommand, declare_report_options, run_report),
      engine_command(kGenerateCommand, declare_generate_options, command_line),
      engine_command(kExportCommand, declare_export_options, command_line),
      make_command(kInspectCommand, declare_inspect_options, run_inspect),
      make_command(kRopeCommand, declare_rope_options, run_rope),
      make_command(kVerifyCommand, declare_verify_options, run_verify),
      make_command(kConfigValidateCommand, declare_config_file_options, run_config_validate),
      make_command(kConfigPrintCommand, declare_config_print_options, run_config_print),
      make_command(kConfigSchemaCommand, declare_config_text_options, run_config_schema),
      make_command(kConfigReferenceCommand, declare_config_text_options, run_config_reference),
  };
}

}  // namespace ropewalk::cli
