#include <algorithm>
#include <cstdio>

#include "cli/engine/engine_commands.h"
#include "cli/engine/evaluated.h"
#include "cli/engine/evaluated_documents.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/eval/report.h"
#include "ropewalk/eval/short_report.h"
#include "ropewalk/settings/evaluation_tasks.h"

namespace ropewalk::cli {
namespace {

// What is measured of each model.
struct ShortTasks {
  DocumentChoice documents;
  std::vector<int64_t> windows;
  std::vector<QuestionFile> files;
};

std::vector<int64_t> windows_up_to(int64_t trained_length) {
  std::vector<int64_t> windows;
  for (const int64_t part : {8, 4, 2, 1}) {
    if (trained_length / part >= 2) windows.push_back(trained_length / part);
  }
  return windows;
}

ShortTasks tasks_of(const EvalShortOptions& options, const HfModel& model) {
  if (options.data.empty() && options.choices.empty()) {
    throw ConfigError(
        "eval short: found neither --data nor --choices, expected one of them at "
        "least: there is nothing to measure");
  }
  ShortTasks tasks{.documents = {.data = options.data, .max_documents = options.max_documents}};
  if (!options.data.empty()) {
    tasks.windows = options.windows.empty()
                        ? windows_up_to(model.spec.rope.original_max_position_embeddings)
                        : options.windows;
  }
  for (const std::string& file : options.choices) {
    tasks.files.push_back(read_question_file(file));
  }
  return tasks;
}

void measure(Evaluated& evaluated,
             const std::string& name,
             const ShortTasks& tasks,
             ShortReport& report) {
  std::shared_ptr<const TokenDataset> documents;
  if (!tasks.windows.empty()) {
    documents = open_documents(tasks.documents, evaluated.model());
    refuse_windows_beyond_documents(tasks.documents, *documents, tasks.windows);
  }
  const auto tokenizer = Tokenizer::load(evaluated.model().path);
  const int64_t longest =
      tasks.windows.empty() ? 0 : *std::max_element(tasks.windows.begin(), tasks.windows.end());
  evaluated.for_each_scaling(longest, [&](Decoder& decoder) {
    for (const int64_t window : tasks.windows) {
      report.perplexities.push_back(
          perplexity(decoder,
                     *documents,
                     {.window = window, .max_documents = tasks.documents.max_documents},
                     evaluated.group()));
      report.perplexities.back().name = name;
    }
    const RopeParameters& rope = decoder.spec().rope;
    for (const QuestionFile& file : tasks.files) {
      report.choices.push_back(
          {.name = name,
           .kind = std::string(rope_kind_name(rope.kind)),
           .factor = rope.factor,
           .task = file.name,
           .result = multiple_choice(decoder, *tokenizer, file.questions, evaluated.group())});
    }
  });
}

}  // namespace

int run_eval_short(const EvalShortOptions& options) {
  ShortReport report;
  Evaluated evaluated(options.model);
  const ShortTasks tasks = tasks_of(options, evaluated.model());
  if (!options.base.empty()) {
    Evaluated base(options.base, evaluated.shared_group());
    measure(base, "base", tasks, report);
  }
  measure(evaluated, options.base.empty() ? "" : "extended", tasks, report);
  if (!evaluated.writes()) return kExitDone;
  std::fputs(short_tables(report).c_str(), stdout);
  if (!options.json.empty()) write_file_atomic(options.json, to_json_text(short_json(report)));
  return kExitDone;
}

}  // namespace ropewalk::cli
