#include "cli/options/retrieval_options.h"

namespace ropewalk::cli {

void declare_retrieval_options(CLI::App& app,
                               RetrievalOptions& options,
                               const std::string& trials_help) {
  app.add_option("--trials", options.trials, trials_help)
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--digits", options.digits, "Digits of a number")
      ->check(CLI::Range(1, 15))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Of the keys; the same seed gives the same prompts")
      ->capture_default_str();
  app.add_option("--json", options.json, "Write the results here")->type_name("FILE");
  app.add_option("--replies", options.replies, "Write each prompt, answer and reply here")
      ->type_name("FILE.jsonl");
  app.add_option("--plot", options.plot, "Draw the results here")->type_name("FILE.svg");
}

void add_lengths_option(CLI::App& app, std::vector<int64_t>& lengths) {
  app.add_option("--lengths", lengths, "Lengths of prompts in tokens, such as 512,2048")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::PositiveNumber);
}

}  // namespace ropewalk::cli
