// The words of retrieval prompts. Each is made for a number of sentences of filler: five that say
// nothing, over and over.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ropewalk {

struct RetrievalText {
  std::string head;  // all before the first line that says something
  std::string rest;
  std::string whole() const { return head + rest; }
};

RetrievalText passkey_text(const std::string& key, int64_t before, int64_t after);

// `words` and `numbers` are as many; word `asked` is asked for.
struct KeysQuestion {
  std::vector<std::string> words;
  std::vector<std::string> numbers;
  size_t asked = 0;
};
RetrievalText keys_text(const KeysQuestion& question, int64_t sentences);

// chains[i] are the variables of chain i, of which the first has numbers[i]; the last variable of
// chain `asked` is asked for.
struct VariablesQuestion {
  std::vector<std::vector<std::string>> chains;
  std::vector<std::string> numbers;
  size_t asked = 0;
};
RetrievalText variables_text(const VariablesQuestion& question, int64_t sentences);

// Different for different numbers: "apple", "river", ...; beyond the list "apple2", "river2".
std::string plain_word(uint64_t number);
inline constexpr uint64_t kNumPlainWords = 48;  // of the list

}  // namespace ropewalk
