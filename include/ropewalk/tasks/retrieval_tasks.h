// Questions whose answer stands in their own text, of a length that is chosen in tokens: what tells
// whether a model uses a long context. Texts and answers are pure functions of the options.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk {

struct RetrievalTrial {
  std::string prompt;
  std::string answer;
  std::vector<int32_t> ids;   // of the prompt, with the special tokens that the tokenizer adds
  int64_t answer_tokens = 0;  // as many as an answer may take
};

// Trials of one kind; a number in a table.
struct RetrievalCell {
  std::string task;
  int64_t length = 0;  // passkey: the distance; else the whole prompt with its answer, at most
  double depth = 0;    // needle: where in the filler the key stands, 0 = first
  std::vector<RetrievalTrial> trials;
};

// Passkey retrieval: Mohtashami and Jaggi, "Landmark Attention" (arXiv 2305.16300), with the
// distances and the count of trials of Chen et al. (arXiv 2306.15595, section 3.3). The prompt
// begins with the task and the line that holds the number; sentences that say nothing follow,
// as many as keep the beginning of that line within `distance` tokens of the prompt's end and the
// prompt with its answer within the window.
struct PasskeyOptions {
  int64_t window = 0;  // the context that the model is to have
  // Empty: 32 that divide the window evenly, without those that are too short for any prompt.
  std::vector<int64_t> distances;
  int64_t trials = 10;  // at each
  int64_t digits = 5;   // of a number, 1 to 15
  uint64_t seed = 1;
};
// Throws ConfigError where a distance or the window holds no prompt, and for a distance beyond the
// window.
std::vector<RetrievalCell> passkey_cells(const Tokenizer& tokenizer, const PasskeyOptions& options);

// The same line at a depth of filler that makes the prompt and its answer as long as `length`.
struct NeedleOptions {
  std::vector<int64_t> lengths;
  std::vector<double> depths;  // [0, 1]: 0 = before all filler, 1 = behind it
  int64_t trials = 5;          // at each length and depth
  int64_t digits = 5;          // of a number, 1 to 15
  uint64_t seed = 1;
};
std::vector<RetrievalCell> needle_cells(const Tokenizer& tokenizer, const NeedleOptions& options);

// In the manner of Hsieh et al., "RULER" (arXiv 2404.06654), in words that small models read:
//   keys       several words have a number each, spread over the filler; one is asked for.
//   variables  one of several chains: a variable has a number, the next one is the same as it, and
//              so on; the last one's number is asked for.
struct RecallOptions {
  std::vector<int64_t> lengths;
  int64_t keys = 4;     // words with a number, or chains; one of them is asked for
  int64_t hops = 2;     // variables after the first of each chain
  int64_t trials = 10;  // of each task at each length
  int64_t digits = 5;   // of a number, 1 to 15
  uint64_t seed = 1;
};
inline constexpr std::array<const char*, 2> kRecallTasks{"keys", "variables"};
std::vector<RetrievalCell> recall_cells(const Tokenizer& tokenizer, const RecallOptions& options);

}  // namespace ropewalk
