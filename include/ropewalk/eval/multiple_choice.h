// Multiple-choice questions scored by log-likelihood: what extension costs at short context.
#pragma once

#include <cstdint>
#include <vector>

#include "ropewalk/dist/group.h"
#include "ropewalk/model/decoder.h"
#include "ropewalk/tasks/choice_questions.h"
#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk {

struct ChoiceResult {
  int64_t questions = 0;
  // How often the right choice has the largest sum of its tokens' log-probabilities; and the
  // largest of that sum divided by the choice's length in characters (`acc` and `acc_norm` of
  // EleutherAI's lm-evaluation-harness).
  int64_t correct = 0;
  int64_t correct_normalized = 0;
  int64_t longest_tokens = 0;  // context and choice

  double accuracy() const { return static_cast<double>(correct) / static_cast<double>(questions); }
  double accuracy_normalized() const {
    return static_cast<double>(correct_normalized) / static_cast<double>(questions);
  }
};

// Under the decoder's present scaling. Tokens of a choice are those that encoding context and
// choice together adds to the context's own. Questions are dealt to the group's ranks; every rank
// gets the same result and makes equally many forward passes. Collective.
ChoiceResult multiple_choice(Decoder& decoder,
                             const Tokenizer& tokenizer,
                             const std::vector<ChoiceQuestion>& questions,
                             dist::Group& group);

}  // namespace ropewalk
