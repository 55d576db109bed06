// Multiple-choice questions scored by log-likelihood: what extension costs at short context.
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

#include "ropewalk/dist/group.h"
#include "ropewalk/model/decoder.h"
#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk {

struct ChoiceQuestion {
  std::string context;
  std::string delimiter = " ";
  std::vector<std::string> choices;  // at least two
  int64_t answer = 0;                // index of the right one
};

// Throws DataError with every line that is no question.
std::vector<ChoiceQuestion> read_choice_questions(const std::filesystem::path& file);

struct ChoiceResult {
  int64_t questions = 0;
  // How often the right choice has the largest sum of its tokens' log-probabilities; and the
  // largest of that sum divided by the choice's length in characters (`acc` and `acc_norm` of
  // EleutherAI's lm-evaluation-harness).
  int64_t correct = 0;
  int64_t correct_normalized = 0;
  int64_t longest_tokens = 0;  // context and choice
};

// Under the decoder's present scaling. Tokens of a choice are those that encoding context and
// choice together adds to the context's own. Questions are dealt to the group's ranks; every rank
// gets the same result and makes equally many forward passes. Collective.
ChoiceResult multiple_choice(Decoder& decoder,
                             const Tokenizer& tokenizer,
                             const std::vector<ChoiceQuestion>& questions,
                             dist::Group& group);

}  // namespace ropewalk
