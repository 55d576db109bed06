// The tasks of a run config's section `eval`, beside perplexity.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/eval/eval_config.h"
#include "ropewalk/tasks/choice_questions.h"
#include "ropewalk/tasks/retrieval_tasks.h"
#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk {

struct QuestionFile {
  std::string name;  // the file's, without folder and endings
  std::vector<ChoiceQuestion> questions;
};
// Throws what read_choice_questions does.
QuestionFile read_question_file(const std::filesystem::path& file);

struct EvaluationTasks {
  std::shared_ptr<const Tokenizer> tokenizer;  // null: there are none
  std::vector<PasskeyOptions> passkey;         // one a window
  NeedleOptions needle;                        // no lengths: off
  RecallOptions recall;                        // no lengths: off
  std::vector<QuestionFile> choices;
};

// Reads the question files and tries the shortest prompts; what does not fit is a fault at its
// setting.
EvaluationTasks read_evaluation_tasks(const EvalConfig& config,
                                      const std::filesystem::path& tokenizer_folder,
                                      Diagnostics& faults);

}  // namespace ropewalk
