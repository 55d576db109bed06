// How often a model finds what retrieval tasks ask for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ropewalk/dist/group.h"
#include "ropewalk/model/decoder.h"
#include "ropewalk/tasks/retrieval_tasks.h"

namespace ropewalk {

struct RetrievalScore {
  std::string task;
  int64_t length = 0;
  double depth = 0;
  int64_t trials = 0;
  int64_t successes = 0;
  int64_t prompt_tokens = 0;  // of the longest prompt
  double rate() const { return static_cast<double>(successes) / static_cast<double>(trials); }
};

struct RetrievalOutcome {
  std::vector<RetrievalScore> scores;             // by cell
  std::vector<std::vector<std::string>> replies;  // by cell and trial
};

// Greedy decoding under the decoder's present scaling. Trials are dealt to the group's ranks; every
// rank gets the same outcome and makes equally many forward passes. Collective.
RetrievalOutcome retrieve(Decoder& decoder,
                          const Tokenizer& tokenizer,
                          const std::vector<RetrievalCell>& cells,
                          dist::Group& group);

// Whether the first word or number of the reply is the answer.
bool is_answered(const std::string& reply, const std::string& answer);

// The largest distance up to which every one has at least this share of successes; 0: none.
// `scores` are of task passkey.
int64_t passkey_k_max(const std::vector<RetrievalScore>& scores, double least_rate = 0.2);

}  // namespace ropewalk
