#include "ropewalk/settings/evaluation_tasks.h"

#include <algorithm>

#include "ropewalk/base/collect_faults.h"

namespace ropewalk {
namespace {

bool has_tasks(const EvalConfig& config) {
  return !config.passkey.windows.empty() || !config.needle.lengths.empty() ||
         !config.recall.lengths.empty() || !config.choices.empty();
}

std::vector<PasskeyOptions> passkey_options(const PasskeyConfig& config) {
  std::vector<PasskeyOptions> options;
  for (const int64_t window : config.windows) {
    options.push_back(
        {.window = window, .distances = {}, .trials = config.trials, .digits = config.digits});
  }
  return options;
}

NeedleOptions needle_options(const NeedleConfig& config) {
  return {.lengths = config.lengths,
          .depths = config.depths,
          .trials = config.trials,
          .digits = config.digits};
}

RecallOptions recall_options(const RecallConfig& config) {
  return {.lengths = config.lengths,
          .keys = config.keys,
          .hops = config.hops,
          .trials = config.trials,
          .digits = config.digits};
}

// Of options with lengths: the shortest one alone, once.
template <typename Options>
Options shortest(Options options) {
  options.lengths = {*std::min_element(options.lengths.begin(), options.lengths.end())};
  options.trials = 1;
  return options;
}

void try_prompts(const EvaluationTasks& tasks, Diagnostics& faults) {
  for (PasskeyOptions passkey : tasks.passkey) {
    passkey.distances = {passkey.window};
    passkey.trials = 1;
    collect_faults(
        faults, "eval.passkey.windows", [&] { passkey_cells(*tasks.tokenizer, passkey); });
  }
  if (!tasks.needle.lengths.empty()) {
    collect_faults(faults, "eval.needle.lengths", [&] {
      needle_cells(*tasks.tokenizer, shortest(tasks.needle));
    });
  }
  if (!tasks.recall.lengths.empty()) {
    collect_faults(faults, "eval.recall.lengths", [&] {
      recall_cells(*tasks.tokenizer, shortest(tasks.recall));
    });
  }
}

}  // namespace

QuestionFile read_question_file(const std::filesystem::path& file) {
  const std::string name = file.filename().string();
  return {name.substr(0, name.find('.')), read_choice_questions(file)};
}

EvaluationTasks read_evaluation_tasks(const EvalConfig& config,
                                      const std::filesystem::path& tokenizer_folder,
                                      Diagnostics& faults) {
  EvaluationTasks tasks;
  if (!has_tasks(config)) return tasks;
  if (tokenizer_folder.empty()) {
    faults.error(
        "eval",
        "found tasks that need a tokenizer, which this model does not have. Name its folder "
        "in model.tokenizer, or leave the tasks out");
    return tasks;
  }
  const bool loaded =
      collect_faults(faults, "eval", [&] { tasks.tokenizer = Tokenizer::load(tokenizer_folder); });
  if (!loaded) return tasks;
  tasks.passkey = passkey_options(config.passkey);
  tasks.needle = needle_options(config.needle);
  tasks.recall = recall_options(config.recall);
  try_prompts(tasks, faults);
  for (const std::string& file : config.choices) {
    collect_faults(
        faults, "eval.choices", [&] { tasks.choices.push_back(read_question_file(file)); });
  }
  return tasks;
}

}  // namespace ropewalk
