#include "cli/options/tokenize_options.h"

namespace ropewalk::cli {

void declare_tokenize_options(CLI::App& app, TokenizeOptions& options) {
  app.add_option("checkpoint", options.checkpoint, "Checkpoint folder or tokenizer file")
      ->required()
      ->type_name("CHECKPOINT");
  app.add_option("file", options.file, "Input; without it standard input is read")
      ->type_name("FILE");
  CLI::Option* decode =
      app.add_flag("--decode", options.decode, "Read ids, one document a line, and print text");
  app.add_flag("--count", options.count, "Print the number of tokens of each line")
      ->excludes(decode);
  app.add_flag("--special", options.special, "Add (or keep) the tokenizer's special tokens");
}

}  // namespace ropewalk::cli
