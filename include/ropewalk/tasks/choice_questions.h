// Multiple-choice questions in files.
//
// A file is JSON lines (.jsonl, also .gz or .zst), a question each:
//   {"context": "Question: ... Answer:", "choices": ["yes", "no"], "answer": 0}
// A choice follows its context after one space, or after `delimiter` where the line has one. Other
// keys are not looked at.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ropewalk {

struct ChoiceQuestion {
  std::string context;
  std::string delimiter = " ";
  std::vector<std::string> choices;  // at least two
  int64_t answer = 0;                // index of the right one
};

// Throws DataError with every line that is no question.
std::vector<ChoiceQuestion> read_choice_questions(const std::filesystem::path& file);

}  // namespace ropewalk
