#include "cli/options/prepare_options.h"

namespace ropewalk::cli {

void declare_prepare_options(CLI::App& app, PrepareOptions& options) {
  app.add_option("inputs",
                 options.inputs,
                 "Text files (one document each) and JSONL files (one document a line), plain, .gz "
                 "or .zst")
      ->required()
      ->type_name("INPUT");
  app.add_option("--tokenizer", options.tokenizer, "Checkpoint folder or tokenizer.json")
      ->required()
      ->type_name("CHECKPOINT");
  app.add_option("--output", options.output, "Folder for the shards")->required()->type_name("DIR");
  app.add_option("--field", options.field, "Field of a JSONL line that holds the document")
      ->capture_default_str();
  app.add_flag("--overwrite", options.overwrite, "Replace shards that the folder already holds");
}

}  // namespace ropewalk::cli
