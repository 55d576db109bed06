#include "ropewalk/tasks/choice_questions.h"

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"
#include "ropewalk/formats/text_reader.h"

namespace ropewalk {
namespace {

constexpr const char* kForm =
    R"(expected {"context": "...", "choices": ["...", "..."], "answer": 0})";

// Adds to `faults` under `where` what keeps the line from being a question.
ChoiceQuestion question_from(const Json& line, const std::string& where, Diagnostics& faults) {
  ChoiceQuestion question;
  const auto fault = [&](const std::string& found) { faults.error(where, found + ", " + kForm); };
  const Json context = line.value("context", Json());
  const Json delimiter = line.value("delimiter", Json(question.delimiter));
  const Json choices = line.value("choices", Json());
  const Json answer = line.value("answer", Json());
  if (!context.is_string()) fault("found no text `context`");
  if (!delimiter.is_string()) fault("found a `delimiter` that is no text");
  if (context.is_string()) question.context = context;
  if (delimiter.is_string()) question.delimiter = delimiter;
  if (choices.is_array()) {
    for (const Json& choice : choices) {
      if (choice.is_string() && !choice.get<std::string>().empty()) {
        question.choices.push_back(choice);
      } else {
        fault("found choice " + choice.dump());
      }
    }
  }
  if (!choices.is_array() || choices.size() < 2) fault("found fewer than two `choices`");
  const bool is_index =
      answer.is_number_integer() && answer >= 0 && (!choices.is_array() || answer < choices.size());
  if (is_index) {
    question.answer = answer;
  } else {
    fault("found `answer` " + answer.dump() + " where an index of the choices belongs");
  }
  return question;
}

}  // namespace

std::vector<ChoiceQuestion> read_choice_questions(const std::filesystem::path& file) {
  const TextReaderOptions options{.whole_line = true};
  TextReader reader(file, options);
  if (reader.kind() != TextKind::kJsonLines) {
    throw DataError(file.string() +
                    ": found a text file, expected JSON lines (.jsonl), a question "
                    "each: " +
                    std::string(kForm));
  }
  std::vector<ChoiceQuestion> questions;
  Diagnostics faults;
  RawDocument raw;
  Document document;
  while (reader.next_raw(raw)) {
    const std::string where = "line " + std::to_string(raw.line);
    if (const std::optional<BadLine> bad = parse_document(options, raw, document)) {
      faults.error(where, bad->reason + "; " + kForm);
    } else {
      questions.push_back(question_from(parse_json(document.text, file.string()), where, faults));
    }
  }
  faults.throw_if_errors<DataError>(file.string());
  if (questions.empty()) throw DataError(file.string() + ": has no questions, " + kForm);
  return questions;
}

}  // namespace ropewalk
