#include "tasks/retrieval_texts.h"

#include <array>
#include <string_view>

#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

// The filler, the task and the key's line of Mohtashami and Jaggi's prompt.
constexpr std::array<std::string_view, 5> kSentences{"The grass is green.",
                                                     "The sky is blue.",
                                                     "The sun is yellow.",
                                                     "Here we go.",
                                                     "There and back again."};
constexpr std::string_view kPasskeyTask =
    "There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. "
    "I will quiz you about the important information there.";

constexpr std::string_view kKeysTask =
    "Some numbers are hidden inside a lot of irrelevant text. Memorize them. I will quiz you about "
    "one of them.";
constexpr std::string_view kVariablesTask =
    "Some variables are set inside a lot of irrelevant text. Memorize their values. I will quiz "
    "you "
    "about one of them.";

constexpr std::array<std::string_view, kNumPlainWords> kWords{
    "apple",  "river",    "stone",  "horse",  "table",  "cloud", "bread",  "glass",
    "garden", "metal",    "paper",  "road",   "ship",   "snow",  "tree",   "wheel",
    "bird",   "chair",    "door",   "engine", "field",  "fire",  "flower", "forest",
    "hand",   "house",    "island", "key",    "lake",   "lamp",  "leaf",   "letter",
    "moon",   "mountain", "night",  "ocean",  "pencil", "queen", "rain",   "ring",
    "school", "shoe",     "song",   "star",   "summer", "train", "voice",  "window"};

// Sentences [first, last) of the filler.
std::string filler(int64_t first, int64_t last) {
  std::vector<std::string> sentences;
  for (int64_t i = first; i < last; ++i) {
    sentences.emplace_back(kSentences[static_cast<size_t>(i) % kSentences.size()]);
  }
  return join(sentences, " ");
}

std::string lines_of(const std::vector<std::string>& parts) {
  std::vector<std::string> lines;
  for (const std::string& part : parts) {
    if (!part.empty()) lines.push_back(part);
  }
  return join(lines, "\n");
}

// The statements cut the filler into parts that are as equal as can be.
RetrievalText spread(std::string_view task,
                     const std::vector<std::string>& statements,
                     const std::string& question,
                     int64_t sentences) {
  const auto parts = static_cast<int64_t>(statements.size()) + 1;
  const auto border = [&](int64_t i) { return i * sentences / parts; };
  RetrievalText text{.head = lines_of({std::string(task), filler(0, border(1))}) + "\n",
                     .rest = {}};
  std::vector<std::string> rest;
  for (int64_t i = 1; i < parts; ++i) {
    rest.push_back(statements[i - 1]);
    rest.push_back(filler(border(i), border(i + 1)));
  }
  rest.push_back(question);
  text.rest = lines_of(rest);
  return text;
}

}  // namespace

RetrievalText passkey_text(const std::string& key, int64_t before, int64_t after) {
  return {
      .head = lines_of({std::string(kPasskeyTask), filler(0, before)}) + "\n",
      .rest = lines_of({"The pass key is " + key + ". Remember it. " + key + " is the pass key.",
                        filler(0, after),
                        "What is the pass key? The pass key is"})};
}

RetrievalText keys_text(const KeysQuestion& question, int64_t sentences) {
  std::vector<std::string> statements;
  for (size_t i = 0; i < question.words.size(); ++i) {
    statements.push_back("The number of the " + question.words[i] + " is " + question.numbers[i] +
                         ".");
  }
  const std::string& asked = question.words[question.asked];
  return spread(kKeysTask,
                statements,
                "What is the number of the " + asked + "? The number of the " + asked + " is",
                sentences);
}

RetrievalText variables_text(const VariablesQuestion& question, int64_t sentences) {
  std::vector<std::string> statements;
  for (size_t hop = 0; hop < question.chains.front().size(); ++hop) {
    for (size_t chain = 0; chain < question.chains.size(); ++chain) {
      const std::vector<std::string>& names = question.chains[chain];
      const std::string value = hop == 0 ? question.numbers[chain] : "VAR " + names[hop - 1];
      statements.push_back("VAR " + names[hop] + " = " + value + ".");
    }
  }
  const std::string& asked = question.chains[question.asked].back();
  return spread(kVariablesTask,
                statements,
                "What is the value of VAR " + asked + "? VAR " + asked + " =",
                sentences);
}

std::string plain_word(uint64_t number) {
  const uint64_t round = number / kWords.size();
  std::string word(kWords[number % kWords.size()]);
  return round == 0 ? word : word + std::to_string(round + 1);
}

}  // namespace ropewalk
