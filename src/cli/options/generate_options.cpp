#include "cli/options/generate_options.h"

#include "cli/options/common_options.h"

namespace ropewalk::cli {

void declare_generate_options(CLI::App& app, GenerateOptions& options) {
  app.add_option("checkpoint", options.checkpoint, "Checkpoint: a Hugging Face model directory")
      ->required()
      ->type_name("CHECKPOINT");
  app.add_option("--prompt", options.prompt, "Text to continue")->required();
  app.add_option("--max-new-tokens", options.max_new_tokens, "Stop after this many tokens")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  CLI::Option* temperature =
      app.add_option("--temperature", options.temperature, "Divides the logits before sampling")
          ->check(CLI::PositiveNumber)
          ->capture_default_str();
  CLI::Option* top_p =
      app.add_option("--top-p",
                     options.top_p,
                     "Sample among the likeliest tokens that together hold this probability")
          ->check(CLI::Range(0.0, 1.0))
          ->capture_default_str();
  app.add_flag("--greedy", options.greedy, "Always take the likeliest token")
      ->excludes(temperature)
      ->excludes(top_p);
  app.add_option("--seed", options.seed, "Seed of the sampling")->capture_default_str();
  app.add_flag("--json", options.json, "Print one JSON object with the ids");
  add_threads_option(app, options.threads);
}

}  // namespace ropewalk::cli
