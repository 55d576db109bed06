#include "cli/options/retrieval_outputs.h"

namespace ropewalk::cli {

void declare_retrieval_outputs(CLI::App& app, RetrievalOutputs& outputs) {
  app.add_option("--json", outputs.json, "Write the results here")->type_name("FILE");
  app.add_option("--replies", outputs.replies, "Write each prompt, answer and reply here")
      ->type_name("FILE.jsonl");
  app.add_option("--plot", outputs.plot, "Draw the results here")->type_name("FILE.svg");
}

}  // namespace ropewalk::cli
