// tokenizer.json as it stands. Vocabulary and merges (10^5 entries and more) go into flat lists,
// the rest into a Json tree.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ropewalk/base/json.h"

namespace ropewalk::tokenization {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool single_word = false;  // only between characters that are no letters, digits or connectors
  bool lstrip = false;       // takes the white space on its left with it
  bool rstrip = false;
  bool normalized = false;  // sought in the normalized text instead of the raw one
  bool special = false;
};

// Two tokens that make a third; the lowest rank goes first, the leftmost among equals.
struct IdMerge {
  int32_t left;
  int32_t right;
  int32_t id;
  uint32_t rank;
};

struct TokenizerFile {
  Json root;  // without model.vocab and model.merges
  std::vector<std::pair<std::string, int64_t>> vocab;
  std::vector<double> scores;  // by id; only where model.vocab is a list of [piece, score]
  std::vector<std::pair<std::string, std::string>> merges;
  std::vector<IdMerge> id_merges;  // of a `.model` file, instead of `merges`
  std::vector<AddedToken> added_tokens;
};

// Throws DataError; `source` names the text in messages.
TokenizerFile parse_tokenizer_file(std::string_view text, const std::string& source);

}  // namespace ropewalk::tokenization
