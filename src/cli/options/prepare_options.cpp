#include "cli/options/prepare_options.h"

namespace ropewalk::cli {
namespace {

void declare_reading(CLI::App& app, PrepareOptions& options) {
  CLI::Option* field =
      app.add_option("--field",
                     options.field,
                     "Field of a JSONL line that holds the document; dots and [i] lead inside");
  field->capture_default_str();
  app.add_option(
         "--chat-form",
         options.chat_form,
         "JSONL lines are conversations, or prompts with completions, trained on the answers "
         "only; FORM: how they are written. auto = as the checkpoint's chat template, none = "
         "prompts and completions only, or the name of a form")
      ->excludes(field)
      ->type_name("FORM");
  app.add_option("--format",
                 options.format,
                 "What standard input (default: jsonl) and files of unknown ending are")
      ->check(CLI::IsMember({"text", "jsonl"}));
  app.add_flag("--strict", options.strict, "Stop at the first bad line instead of passing it over");
  app.add_option("--max-line-bytes", options.max_line_bytes, "Longer JSONL lines are bad")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE")
      ->default_str("64MiB");
  app.add_option("--max-document-bytes", options.max_document_bytes, "Longer text files are bad")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE")
      ->default_str("1GiB");
}

void declare_writing(CLI::App& app, PrepareOptions& options) {
  app.add_option("--shard-tokens",
                 options.shard_tokens,
                 "A shard ends with the document that reaches this many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  CLI::Option* fraction =
      app.add_option("--validation-fraction",
                     options.validation_fraction,
                     "Share of the documents, chosen by their hash, that goes to DIR/validation; "
                     "the others go to DIR/train. 0 = no split");
  fraction->check(CLI::Range(0.0, 1.0))->capture_default_str();
  app.add_option("--split-seed", options.split_seed, "Another number chooses other documents")
      ->needs(fraction)
      ->capture_default_str();
  app.add_option("--workers", options.workers, "Threads that tokenize; 0 = one per core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_flag("--overwrite", options.overwrite, "Replace shards that the folder already holds");
}

}  // namespace

void declare_prepare_options(CLI::App& app, PrepareOptions& options) {
  app.add_option("inputs",
                 options.inputs,
                 "Text files (one document each) and JSONL files (one document a line), plain, .gz "
                 "or .zst; folders of them; patterns such as \"data/**/*.jsonl\"; - = standard "
                 "input")
      ->required()
      ->type_name("INPUT");
  app.add_option("--tokenizer", options.tokenizer, "Checkpoint folder or tokenizer file")
      ->required()
      ->type_name("CHECKPOINT");
  app.add_option("--output", options.output, "Folder for the shards")->required()->type_name("DIR");
  declare_reading(app, options);
  declare_writing(app, options);
}

}  // namespace ropewalk::cli
