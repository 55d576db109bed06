#include "ropewalk/tasks/retrieval_tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class RetrievalTasks : public ::testing::Test {
 protected:
  const std::shared_ptr<const Tokenizer> tokenizer_ =
      Tokenizer::load(ROPEWALK_SOURCE_DIR "/configs/example-model");
};

int64_t size_of(const RetrievalTrial& trial) {
  return static_cast<int64_t>(trial.ids.size()) + trial.answer_tokens;
}

TEST_F(RetrievalTasks, PasskeysDivideTheWindowAndStayWithinIt) {
  const auto cells = passkey_cells(*tokenizer_, {.window = 2048, .distances = {}, .trials = 3});
  ASSERT_EQ(cells.size(), 32u);
  std::set<std::string> answers;
  for (size_t i = 0; i < cells.size(); ++i) {
    EXPECT_EQ(cells[i].length, static_cast<int64_t>(i + 1) * 64);
    ASSERT_EQ(cells[i].trials.size(), 3u);
    for (const RetrievalTrial& trial : cells[i].trials) {
      EXPECT_LE(size_of(trial), 2048);
      EXPECT_EQ(trial.answer.size(), 5u);
      EXPECT_THAT(trial.prompt, HasSubstr("The pass key is " + trial.answer + ". Remember it."));
      answers.insert(trial.answer);
    }
  }
  EXPECT_GT(answers.size(), 90u) << "keys differ";
  EXPECT_GT(size_of(cells.back().trials[0]), 2048 - 30) << "the window is filled";
}

TEST_F(RetrievalTasks, TheSameSeedGivesTheSamePromptsAndAnotherOneOthers) {
  const auto prompt = [&](uint64_t seed) {
    return recall_cells(*tokenizer_, {.lengths = {300}, .trials = 1, .seed = seed})[0]
        .trials[0]
        .prompt;
  };
  EXPECT_EQ(prompt(1), prompt(1));
  EXPECT_NE(prompt(1), prompt(2));
}

TEST_F(RetrievalTasks, SmallWindowsLeaveShortDistancesOut) {
  const auto cells = passkey_cells(*tokenizer_, {.window = 256, .distances = {}, .trials = 1});
  EXPECT_LT(cells.size(), 32u);
  EXPECT_GT(cells.front().length, 40);
  EXPECT_EQ(cells.back().length, 256);
}

TEST_F(RetrievalTasks, WhatDoesNotFitIsRefused) {
  EXPECT_THAT(error_of<ConfigError>([&] {
                passkey_cells(*tokenizer_, {.window = 256, .distances = {8}, .trials = 1});
              }),
              StartsWith("distance 8: the key does not fit"));
  EXPECT_THAT(error_of<ConfigError>([&] {
                passkey_cells(*tokenizer_, {.window = 64, .distances = {}, .trials = 1});
              }),
              StartsWith("window 64: the key does not fit"));
  EXPECT_THAT(error_of<ConfigError>([&] {
                needle_cells(*tokenizer_, {.lengths = {64}, .depths = {0.5}, .trials = 1});
              }),
              StartsWith("length 64: the key does not fit"));
  EXPECT_THAT(error_of<ConfigError>([&] { recall_cells(*tokenizer_, {.lengths = {64}}); }),
              StartsWith("length 64: the key does not fit"));
}

TEST_F(RetrievalTasks, DigitsAreAsManyAsAskedFor) {
  for (const int64_t digits : {1, 4, 15}) {
    const auto cells =
        needle_cells(*tokenizer_, {.lengths = {256}, .depths = {0}, .trials = 4, .digits = digits});
    for (const RetrievalTrial& trial : cells[0].trials) {
      EXPECT_EQ(static_cast<int64_t>(trial.answer.size()), digits);
      EXPECT_NE(trial.answer[0], '0');
    }
  }
}

// More words than the list has.
TEST_F(RetrievalTasks, ManyChainsHaveDifferentNames) {
  const auto cells =
      recall_cells(*tokenizer_, {.lengths = {4096}, .keys = 20, .hops = 4, .trials = 1});
  const std::string& prompt = cells.back().trials[0].prompt;
  std::set<std::string> names;
  for (size_t at = prompt.find("\nVAR "); at != std::string::npos;
       at = prompt.find("\nVAR ", at + 1)) {
    names.insert(prompt.substr(at + 5, prompt.find(' ', at + 5) - at - 5));
  }
  EXPECT_EQ(names.size(), 100u);
}

}  // namespace
}  // namespace ropewalk
