#include "cli/options/extend_options.h"

namespace ropewalk::cli {

void declare_extend_options(CLI::App& app, ExtendOptions& options) {
  app.add_option("checkpoint", options.checkpoint, "Checkpoint: a Hugging Face model directory")
      ->required()
      ->type_name("CHECKPOINT");
  app.add_option("--to", options.to, "New context length in tokens")
      ->required()
      ->check(CLI::PositiveNumber);
  app.add_option("--method", options.method, "Kind of position scaling: linear, yarn, dynamic, ...")
      ->capture_default_str();
  app.add_option("--original-max-position-embeddings",
                 options.original_max_position_embeddings,
                 "Context length of the pre-training, where the checkpoint does not say it")
      ->check(CLI::PositiveNumber);
  app.add_flag(
      "--allow-linear-over-native",
      options.allow_linear_over_native,
      "Replace a checkpoint's own kind (llama3, yarn, ...) by linear with the total factor");
  app.add_option("--data", options.data, "Folder of token shards to train on; may be repeated")
      ->type_name("DIR")
      ->allow_extra_args(false);
  app.add_option("--validation",
                 options.validation,
                 "Folder of token shards to evaluate on; may be repeated")
      ->type_name("DIR")
      ->allow_extra_args(false);
  app.add_option("--run-dir", options.run_dir, "Run directory that the config names")
      ->type_name("DIR");
  app.add_option(
         "-o,--output", options.output, "Run config to write; without it the config is printed")
      ->type_name("FILE");
  app.add_flag("--overwrite", options.overwrite, "Replace an existing output file");
}

}  // namespace ropewalk::cli
