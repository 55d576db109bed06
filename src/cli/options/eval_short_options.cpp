#include "cli/options/eval_short_options.h"

namespace ropewalk::cli {

void declare_eval_short_options(CLI::App& app, EvalShortOptions& options) {
  declare_evaluated_model(app, options.model);
  app.add_option("--base",
                 options.base,
                 "The model before extension, evaluated beside it under its own scaling")
      ->type_name("CHECKPOINT");
  CLI::Option* data =
      app.add_option("--data", options.data, "Folder of token shards; may be repeated");
  data->type_name("DIR")->allow_extra_args(false);
  app.add_option("--windows",
                 options.windows,
                 "Window lengths in tokens; without it an eighth, a quarter, a half and the whole "
                 "of the context that the model was pre-trained with")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->needs(data)
      ->check(CLI::Range(int64_t{2}, int64_t{1} << 40));
  app.add_option("--max-documents", options.max_documents, "Use only the first N; 0 = all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--choices",
                 options.choices,
                 "Multiple-choice questions; may be repeated. A line each: "
                 "{\"context\": \"...\", \"choices\": [\"...\", \"...\"], \"answer\": 0}")
      ->type_name("FILE.jsonl")
      ->allow_extra_args(false);
  app.add_option("--json", options.json, "Write the results here")->type_name("FILE");
}

}  // namespace ropewalk::cli
